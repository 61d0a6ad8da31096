"""Making a release: rows gathered and placed, written with their pictures, and told about on a card."""
