"""Simulated raters: for tests, demos and planning. Whatever they say is marked as simulated, everywhere."""
