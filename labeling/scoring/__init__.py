"""Ratings to scores: plain functions on arrays, usable from a notebook without a warehouse.

Start from `votes.VoteSet` (`VoteSet.from_matrix` or `VoteSet.from_arrow`), then `mos.mean_opinion_scores`,
`p910.alternating_projection`, `two_way.two_way` (the release default), `reliability`, `taste`, `pairs`.
"""
