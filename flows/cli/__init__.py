"""The command line: every command opens a run, calls a flow or a reader, and prints the outcome.

Heavy imports stand inside the commands, so that `salon --help` and the reading commands start at once.
"""
