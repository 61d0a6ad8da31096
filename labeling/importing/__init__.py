"""Ratings from elsewhere: a CSV or Parquet file in, rows of `ratings` and reasons for the rest out."""
