"""Photos in, decisions out: decoding, measuring, deduplication, embedding, filtering. Pure: no storage."""
