"""Quantitative image properties, as empirical aesthetics uses them, measured on the canonical picture."""
