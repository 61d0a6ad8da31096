"""Prefect flows, settings, the command line, and reports: the only folder that wires the others together."""
