"""Rules on what is known in words: licences, cameras, how a picture was made."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from curation.filtering.decisions import Decisions
from schemas.settings.rules import Missing, ValuesRule


def decide_values(rule: ValuesRule, values: Sequence[Sequence[str]]) -> Decisions:
    """Let pass where every value is allowed and none is refused: the strictest of several licences holds.

    Parameters
    ----------
    rule : ValuesRule
    values : sequence of sequences of str
        All values known of each photo; empty where none is.
    """
    reasons = [_reason(rule, known) for known in values]
    kept = np.array([not reason for reason in reasons], dtype=bool)
    nothing = np.full(len(values), np.nan)
    return Decisions(kept, nothing, nothing.copy(), [reason or "passes" for reason in reasons])


def _reason(rule: ValuesRule, known: Sequence[str]) -> str:
    """Why a photo does not pass; empty where it does."""
    if not known:
        return f"{rule.column} is not known" if rule.missing is Missing.DROP else ""
    for value in sorted(known):
        if _matches(value, rule.refuse):
            return f"{rule.column} '{value}' is refused"
        if rule.allow and not _matches(value, rule.allow):
            return f"{rule.column} '{value}' is not among those allowed"
    return ""


def _matches(value: str, patterns: Sequence[str]) -> bool:
    plain = value.strip().casefold()
    return any(fnmatchcase(plain, pattern.strip().casefold()) for pattern in patterns)
