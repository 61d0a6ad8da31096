"""The steps of `salon dedupe` that read and write tables: fingerprints, proposals, looks, groups."""
