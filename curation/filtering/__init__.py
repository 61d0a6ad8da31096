"""What people will not be asked about: rules as small pure functions, and the decisions that follow from them."""
