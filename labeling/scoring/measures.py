"""What the reliability figures mean, in the words of reports and terminals."""

from __future__ import annotations

from collections.abc import Mapping

MEANING: Mapping[str, str] = {
    "split_half": "split-half, all votes",
    "icc1": "ICC(1,1), one vote",
    "alpha_interval": "Krippendorff's α, one vote",
    "leave_one_out": "one rater with all others",
    "icc1k": "ICC(1,k), the scores",
    "icc2": "ICC(2,1), one vote, raters' levels count",
    "icc3": "ICC(3,1), one vote, raters' levels taken out",
    "alpha_ordinal": "Krippendorff's α, ordinal",
    "retest": "repeated votes, correlation",
    "retest_error": "repeated votes, SD of the difference / √2",
    "variance_photo": "shared taste",
    "variance_rater": "raters' levels",
    "variance_photo_rater": "private taste",
    "variance_error": "noise",
    "variance_photo_rater_and_error": "private taste and noise",
    "beholder1": "share of private taste",
    "beholder2": "share of private taste, raters' levels counted",
    "ordinal_rank_correlation": "rank correlation with a cumulative model",
    "ordinal_moved_share": "share of photos that a cumulative model moves beyond their interval",
    "drift": "drift over raters' sessions, SD",
    "batch_shift": "anchors' votes, less those of the first batch",
    "batch_slope": "stretch that brings the batch onto the first one's scale",
    "mean_of_chosen": "mean score of the chosen photos",
    "design_weighted_mean": "mean score of what they were chosen from",
}
"""By name of the measure, as the table `reliability` has it."""
