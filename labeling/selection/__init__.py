"""Choosing what to rate: flat histograms, strata, coverage of an embedding space, caps, and a random share.

`choose.choose` puts it together. Everything is a function of the pool's content and the seed: the order of
arrival plays no part, since each photo's random number is a keyed hash of its id.
"""
