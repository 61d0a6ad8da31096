"""Who sees what, in which order: incomplete block designs, orders of presentation, pairs, and task keys."""
