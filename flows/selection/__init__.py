"""Choosing a batch out of a warehouse: candidates, lists, and the plan of who sees what."""
