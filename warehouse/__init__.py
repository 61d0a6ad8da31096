"""The only folder that reads and writes storage: Delta tables, DuckDB queries, objects, releases.

A warehouse is a folder or an object-store prefix of the user's; no data ever lives in this package.
"""
