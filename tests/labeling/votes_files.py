"""Readers of the published vote files that tests compare with."""

from __future__ import annotations

import csv

import numpy as np

from labeling.scoring.votes import Floats, VoteSet
from tests.conftest import real_data


def matrix(name: str) -> Floats:
    """A matrix of stimuli by raters, NaN where a vote is missing."""
    return np.genfromtxt(real_data("ratings", name), delimiter=",")


def sureal(name: str) -> VoteSet:
    """A long file of sureal's: stimulus, rater_id, score."""
    with real_data("ratings", f"sureal_{name}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    stimuli = {number: place for place, number in enumerate(sorted({int(row["stimulus"]) for row in rows}))}
    raters = {rater: place for place, rater in enumerate(sorted({row["rater_id"] for row in rows}))}
    return VoteSet(
        np.array([stimuli[int(row["stimulus"])] for row in rows]),
        np.array([raters[row["rater_id"]] for row in rows]),
        np.array([float(row["score"]) for row in rows]),
        len(stimuli),
        len(raters),
    )
