"""Releases on disk: rows gathered from the tables, Parquet as the Hub likes it, checksums, and proofs of them."""
