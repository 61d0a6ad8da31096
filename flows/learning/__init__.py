"""Learning from releases: reading one, and the pages and files that come of it."""
