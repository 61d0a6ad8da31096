"""What goes with the score: standardised effects, corrected for many tests, and a report on shortcuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import stdtr, stdtrit

Floats = npt.NDArray[np.float64]

LEVEL = 0.05
LEAST_ROWS = 10
LEAST_OF_A_KIND = 5
"""Photos of a camera (or another name) below which it counts as 'other'."""


@dataclass(frozen=True)
class Effect:
    """One property's part in the score, the other properties held fixed.

    Attributes
    ----------
    name : str
    effect, low, high : float
        Change of the score in its standard deviations when the property rises by one of its own; 95 % interval.
    alone : float
        The plain correlation.
    p : float
        Two-sided, before correction.
    adjusted : float
        After Benjamini and Hochberg (1995): calling all up to .05 real, at most 5 % of them are not, on average.
    """

    name: str
    effect: float
    low: float
    high: float
    alone: float
    p: float
    adjusted: float

    @property
    def real(self) -> bool:
        """Passes the correction."""
        return self.adjusted <= LEVEL


def standardised_effects(properties: Mapping[str, Floats], score: Floats) -> list[Effect]:
    """Joint linear regression of the standardised score on standardised properties, the largest effect first.

    Intervals are robust to unequal variances (HC3, MacKinnon and White 1985). Rows with a missing value and
    properties that do not vary are left out.

    Raises
    ------
    ValueError
        Fewer rows than properties plus ten.
    """
    values = {name: np.asarray(column, dtype=np.float64) for name, column in properties.items()}
    whole = np.isfinite(score) & np.all([np.isfinite(v) for v in values.values()], axis=0)
    names = [name for name, v in values.items() if np.ptp(v[whole]) > 0]
    n, p = int(whole.sum()), len(names)
    if n < p + LEAST_ROWS:
        raise ValueError(f"{p} properties need at least {p + LEAST_ROWS} photos that have them all, got {n}")
    x = np.column_stack([_standard(values[name][whole]) for name in names])
    y = _standard(score[whole])
    return _effects(names, *_slopes(x, y), alone=x.T @ y / n, freedom=np.full(p, n - p - 1.0))


def effects_one_by_one(measures: Mapping[str, Floats], score: Floats) -> list[Effect]:
    """As `standardised_effects`, but each measure on its own: for measures that say nearly the same, such as concepts.

    The correction for many tests is over all of them.
    """
    found: dict[str, tuple[float, float, int]] = {}
    for name, column in measures.items():
        whole = np.isfinite(score) & np.isfinite(column)
        if whole.sum() >= 1 + LEAST_ROWS and np.ptp(column[whole]) > 0 and np.ptp(score[whole]) > 0:
            slope, error = _slopes(_standard(column[whole])[:, None], _standard(score[whole]))
            found[name] = (float(slope[0]), float(error[0]), int(whole.sum()) - 2)
    slopes, errors, freedoms = (np.array([row[k] for row in found.values()]) for k in range(3))
    return _effects(list(found), slopes, errors, alone=slopes, freedom=freedoms)


def _slopes(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Least squares without an intercept (all columns have mean 0), with HC3 standard errors."""
    inverse = np.linalg.pinv(x.T @ x)
    slope = inverse @ x.T @ y
    hat = np.minimum(np.sum(x @ inverse * x, axis=1) + 1 / len(x), 1 - 1e-9)
    scaled = x * ((y - x @ slope) / (1 - hat))[:, None]
    return slope, np.sqrt(np.diag(inverse @ (scaled.T @ scaled) @ inverse))


def _effects(names: Sequence[str], slope: Floats, error: Floats, alone: Floats, freedom: Floats) -> list[Effect]:
    """Intervals, chances and their correction, the largest effect first."""
    chance = 2 * stdtr(freedom, -np.abs(slope) / error)
    wide = stdtrit(freedom, 0.975) * error
    corrected = stats.false_discovery_control(chance, method="bh") if len(names) else chance
    columns = (slope, slope - wide, slope + wide, alone, chance, corrected)
    found = [Effect(name, *(float(column[k]) for column in columns)) for k, name in enumerate(names)]
    return sorted(found, key=lambda effect: -abs(effect.effect))


@dataclass(frozen=True)
class Shortcut:
    """Whether the score follows something that beauty should not be about.

    Attributes
    ----------
    name : str
    strength : float
        Rank correlation; for names (such as cameras) the root of epsilon squared of Kruskal and Wallis.
    p, adjusted : float
        Before and after Holm's (1979) correction.
    n : int
        Rows looked at.
    flagged : bool
        adjusted is .05 or less: with nothing planted, 5 reports of 100 flag anything at all.
    """

    name: str
    strength: float
    p: float
    adjusted: float
    n: int

    @property
    def flagged(self) -> bool:
        """Passes Holm's correction."""
        return self.adjusted <= LEVEL


def shortcut_report(
    score: Floats, numbers: Mapping[str, Floats], names: Mapping[str, Sequence[str | None]]
) -> list[Shortcut]:
    """Test every suspect by ranks; what does not vary or is known of too few photos is not tested.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Scores, or a head's predictions.
    numbers : mapping of str to ndarray, shape (n,)
        Suspects that are numbers; NaN where unknown.
    names : mapping of str to sequence of str or None
        Suspects that are names.
    """
    tested: list[tuple[str, float, float, int]] = []
    for name, values in numbers.items():
        known = np.isfinite(values)
        if known.sum() >= LEAST_ROWS and np.ptp(values[known]) > 0 and np.ptp(score[known]) > 0:
            found = stats.spearmanr(values[known].tolist(), score[known].tolist())
            tested.append((name, float(found.statistic), float(found.pvalue), int(known.sum())))
    for name, labels in names.items():
        row = _by_name(score, labels)
        if row is not None:
            tested.append((name, *row))
    order = sorted(range(len(tested)), key=lambda k: tested[k][2])
    adjusted = np.ones(len(tested))
    highest = 0.0
    for place, k in enumerate(order):
        highest = max(highest, min(1.0, tested[k][2] * (len(tested) - place)))
        adjusted[k] = highest
    return [Shortcut(*tested[k][:3], float(adjusted[k]), tested[k][3]) for k in order]


def _by_name(score: Floats, labels: Sequence[str | None]) -> tuple[float, float, int] | None:
    """Kruskal and Wallis over kinds with enough photos; None where there are not two."""
    kinds: dict[str, list[float]] = {}
    for label, value in zip(labels, score, strict=True):
        if label is not None:
            kinds.setdefault(label, []).append(float(value))
    groups = [values for values in kinds.values() if len(values) >= LEAST_OF_A_KIND]
    rest = [value for values in kinds.values() if len(values) < LEAST_OF_A_KIND for value in values]
    if len(rest) >= LEAST_OF_A_KIND:
        groups.append(rest)
    n = sum(len(group) for group in groups)
    if len(groups) < 2 or n < LEAST_ROWS or np.ptp(np.concatenate(groups)) == 0:
        return None
    found = stats.kruskal(*groups)
    epsilon = max(0.0, (float(found.statistic) - len(groups) + 1) / (n - len(groups)))
    return float(np.sqrt(epsilon)), float(found.pvalue), n


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / values.std())
