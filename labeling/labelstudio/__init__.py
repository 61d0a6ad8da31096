"""The adapter to Label Studio: its API, task payloads, and annotations read field by field.

Network is used here; storage and flows are not. Nothing that a server says is taken for granted.
"""
