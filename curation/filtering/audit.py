"""How often a rule drops what people would have liked to see: shares with intervals, and the limit to set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""
NIGHT = 0.25
MONOCHROME = 5.0


@dataclass(frozen=True)
class Audited:
    """One dropped photo that people have seen.

    Parameters
    ----------
    photo_id : str
    rule : str
        A rule that dropped it; a photo dropped by several rules is several of these.
    wrong : bool
        It should not have been dropped.
    strata : tuple of str
        Names of the strata that it belongs to.
    score, threshold : float or None
        What the rule measured, and the limit.
    weight : float
        Photos that it stands for: one over its inclusion probability.
    """

    photo_id: str
    rule: str
    wrong: bool
    strata: tuple[str, ...]
    score: float | None
    threshold: float | None
    weight: float = 1.0


@dataclass(frozen=True)
class Share:
    """A share wrongly dropped, with its 95 % interval (Wilson 1927).

    Attributes
    ----------
    rule, stratum : str
        The stratum is empty for all together.
    audited, wrong : int
        Photos that people saw, and those of them that were wrongly dropped.
    share : float
        Estimated share among all that the rule dropped (Hajek 1971: each photo by its weight), 0 to 1.
    low, high : float
        Its interval, at the number of equally weighted photos that would say as much (Kish 1965).
    """

    rule: str
    stratum: str
    audited: int
    wrong: int
    share: float
    low: float
    high: float


def wilson(hits: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); raises ValueError where n is 0."""
    if n <= 0:
        raise ValueError("an interval needs at least one observation")
    centre = (hits + Z95**2 / 2) / (n + Z95**2)
    half = Z95 / (n + Z95**2) * sqrt(hits * (n - hits) / n + Z95**2 / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def shares(audited: Iterable[Audited]) -> list[Share]:
    """Shares wrongly dropped by rule, over all and within each stratum, in the order of the names."""
    groups: dict[tuple[str, str], list[Audited]] = {}
    for one in audited:
        for stratum in ("", *one.strata):
            groups.setdefault((one.rule, stratum), []).append(one)
    return [_share(rule, stratum, members) for (rule, stratum), members in sorted(groups.items())]


def _share(rule: str, stratum: str, members: Sequence[Audited]) -> Share:
    total = sum(one.weight for one in members)
    share = sum(one.weight for one in members if one.wrong) / total
    effective = total**2 / sum(one.weight**2 for one in members)
    low, high = wilson(share * effective, effective)
    return Share(rule, stratum, len(members), sum(one.wrong for one in members), share, low, high)


def limit_for(audited: Sequence[Audited], precision: float) -> float | None:
    """The limit at which a rule drops rightly often enough, as near to today's as can be.

    Parameters
    ----------
    audited : sequence of Audited
        Of one rule that measures a score.
    precision : float
        Wanted share of rightly dropped photos among the dropped, 0 to 1.

    Returns
    -------
    float or None
        A limit that leaves out the photos on its near side; None where no limit reaches the precision.
    """
    known = [one for one in audited if one.score is not None and one.threshold is not None]
    if not known:
        return None
    drops_low = [one.score < one.threshold for one in known]  # type: ignore[operator]  # both are known
    below = sum(drops_low) * 2 >= len(known)
    # From the line outwards: the first limit that is good enough drops most.
    ordered = sorted(known, key=lambda one: float(one.score or 0.0), reverse=below)
    for k, first in enumerate(ordered):
        rest = ordered[k:]
        if k and ordered[k - 1].score == first.score:
            continue
        if sum(one.weight for one in rest if not one.wrong) / sum(one.weight for one in rest) >= precision:
            if k == 0:
                return first.threshold
            return (float(first.score or 0.0) + float(ordered[k - 1].score or 0.0)) / 2
    return None


def strata_of(
    camera: str | None, brightness: float | None, colorfulness: float | None, megapixels: float
) -> tuple[str, ...]:
    """Strata of one photo: its camera, night or day, monochrome or colour, and its size."""
    size = "below 1 megapixel" if megapixels < 1 else "1 to 8 megapixels" if megapixels < 8 else "8 megapixels and more"
    found = [f"camera {camera or 'unknown'}", size]
    if brightness is not None:
        found.append("night or dark" if brightness < NIGHT else "not dark")
    if colorfulness is not None:
        found.append("monochrome" if colorfulness < MONOCHROME else "colour")
    return tuple(found)
