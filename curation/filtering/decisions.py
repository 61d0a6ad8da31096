"""From scores and limits to decisions with a reason."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.settings.rules import CapRule, Missing, Rule, ScoredRule, ValuesRule

Scores = npt.NDArray[np.float64]

KIND_VERSIONS = {
    "range": "range@1",
    "values": "values@1",
    "prompt": "prompt@1",
    "exemplars": "exemplars@1",
    "typicality": "typicality@2",
    "head": "head@1",
    "faces": "faces@1",
    "cap": "cap@1",
}
"""A kind's version grows when the same photo and settings would get another score."""

NOT_MEASURED = frozenset({"enabled", "if_possible", "missing", "at_least", "at_most"})
"""Fields of a rule that do not change a score."""


@dataclass(frozen=True)
class Decisions:
    """What one rule decides about each of n photos.

    Attributes
    ----------
    kept : ndarray of bool, shape (n,)
    score : ndarray of float64, shape (n,)
        NaN where the rule had nothing to look at.
    threshold : ndarray of float64, shape (n,)
        The limit that the score was held against; NaN where there is none.
    reason : list of str
        In words.
    """

    kept: npt.NDArray[np.bool_]
    score: Scores
    threshold: Scores
    reason: list[str]

    def part(self, photos: slice) -> Decisions:
        """The decisions about some of the photos."""
        return Decisions(self.kept[photos], self.score[photos], self.threshold[photos], self.reason[photos])

    def take(self, places: npt.NDArray[np.int32]) -> Decisions:
        """The decisions at some places, one after the other."""
        reasons = [self.reason[place] for place in places.tolist()]
        return Decisions(self.kept[places], self.score[places], self.threshold[places], reasons)


def decide(rule: ScoredRule, scores: Scores, what: str, unknown: str) -> Decisions:
    """Hold scores against a rule's limits.

    Parameters
    ----------
    rule : ScoredRule
    scores : ndarray of float64, shape (n,)
        NaN where nothing could be measured.
    what : str
        What the score is, for the reason, such as ``short_side``.
    unknown : str
        Why a score may be missing.
    """
    low = -np.inf if rule.at_least is None else rule.at_least
    high = np.inf if rule.at_most is None else rule.at_most
    missing, below, above = np.isnan(scores), scores < low, scores > high
    usual = low if rule.at_least is not None else high
    kept = ~(below | above)
    if rule.missing is Missing.DROP:
        kept &= ~missing
    reasons = ["passes"] * len(scores)
    for k in np.flatnonzero(below | above | missing):
        if missing[k]:
            reasons[k] = unknown
        elif below[k]:
            reasons[k] = f"{what} {plain(scores[k])} is below {plain(low)}"
        else:
            reasons[k] = f"{what} {plain(scores[k])} is above {plain(high)}"
    return Decisions(kept, scores, np.where(above, high, usual), reasons)


def plain(value: float) -> str:
    """A number for people: integers whole, others with four significant digits."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def definition_hash(rule: Rule, space: str) -> str:
    """Hash of all that determines a rule's decisions: its definition, its kind's version, and the space."""
    return _hash({**_plain(rule), "version": KIND_VERSIONS[rule.kind], "space": space})


def measure_hash(rule: Rule, space: str) -> str:
    """Hash of all that determines a rule's scores: the definition without its limits."""
    fields = {name: value for name, value in _plain(rule).items() if name not in NOT_MEASURED}
    return _hash({**fields, "version": KIND_VERSIONS[rule.kind], "space": space})


def needs_vectors(rule: Rule) -> bool:
    """Whether a rule looks at vectors."""
    return rule.kind in ("prompt", "exemplars", "typicality", "head") or _per_scene(rule)


def is_scored(rule: Rule) -> bool:
    """Whether a rule measures a number and has limits to it."""
    return not isinstance(rule, ValuesRule | CapRule)


def _per_scene(rule: Rule) -> bool:
    return isinstance(rule, CapRule) and rule.per == "scene"


def _plain(rule: Rule) -> dict[str, object]:
    return rule.model_dump(mode="json")


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
