"""`salon plan`: votes per photo, hours and cost for a wanted precision; which photos are settled."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from prefect import flow

from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.runtime import publish_counts
from labeling.planning import (
    Spread,
    cost_of,
    half_width,
    icc_of_mean,
    raters_for_half_width,
    raters_for_icc,
    shrunk_sd,
    spread_of,
    votes_missing,
)
from schemas.errors import WrongUse
from warehouse.facts import BESIDE
from warehouse.places import Gathered, Ids, Places, id_texts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KINDS = """
    SELECT question, scale, simulated, count(*) AS votes FROM counted_ratings
    WHERE role IN ('rate', 'audit') GROUP BY ALL
"""
OF_KIND = """
    FROM counted_ratings WHERE role IN ('rate', 'audit') AND question = $1 AND scale = $2 AND simulated = $3
"""
RATED = f"SELECT DISTINCT photo_id {OF_KIND} ORDER BY photo_id"
VOTES = f"SELECT photo_id, value, seconds {OF_KIND}"

PILOT_VOTES = 20
"""Fewer votes say nothing about their own spread."""


@dataclass(frozen=True)
class Pilot:
    """What the warehouse's ratings say: votes of one question and scale.

    Parameters
    ----------
    photo_ids : ndarray of bytes, shape (photos,)
        Rated photos, ascending.
    photo, value : ndarray of int64 and of float64, shape (votes,)
        Of each vote its photo, as a place in `photo_ids`, and its value in scale units.
    seconds : float, optional
        Median time of a vote.
    """

    question: str
    scale: str
    photo_ids: Ids
    photo: Ints
    value: Floats
    spread: Spread
    seconds: float | None
    simulated: bool


@flow(name="plan", flow_run_name="plan {root}")
def plan(
    root: str,
    interval: float | None = None,
    icc: float | None = None,
    photos: int | None = None,
    question: str | None = None,
    sd: float | None = None,
    icc1: float | None = None,
) -> Outcome:
    """Work out how many votes a study needs.

    Parameters
    ----------
    root : str
        The warehouse.
    interval : float, optional
        Wanted half-width of a score's 95 % interval, scale units.
    icc : float, optional
        Wanted reliability of scores, ICC(k), 0 to 1.
    photos : int, optional
        Photos of the study; else the settings' batch_size.
    question : str, optional
        Whose ratings are the pilot; else the one with most.
    sd, icc1 : float, optional
        Stated in place of what a pilot says.
    """
    run = open_run(root)
    study = run.settings.study
    pilot = read_pilot(run, question)
    spread_sd = sd if sd is not None else (pilot.spread.sd if pilot else 0) or study.sd
    single = icc1 if icc1 is not None else (pilot.spread.icc1 if pilot else math.nan)
    wanted = interval if interval is not None or icc is not None else half_width(study.overlap, spread_sd)
    votes = _votes_per_photo(wanted, icc, spread_sd, single)
    seconds = pilot.seconds if pilot and pilot.seconds else study.seconds_per_vote
    count = photos or study.batch_size
    cost = cost_of(votes * count, seconds, study.hourly_pay)
    counts: dict[str, int | float | str] = {
        "votes per photo": votes,
        "interval of a score": f"± {half_width(votes, spread_sd):.3f}",
        "reliability of scores, ICC(k)": round(icc_of_mean(single, votes), 3) if math.isfinite(single) else "unknown",
        "photos": count,
        "votes": votes * count,
        "hours of rating": round(cost.hours, 1),
        f"pay in {study.currency}": round(cost.pay, 2),
        "standard deviation of votes": round(spread_sd, 3),
        "seconds per vote": round(seconds, 1),
    }
    notes = [_basis(pilot, sd, icc1)]
    files = {}
    if pilot and wanted is not None:
        missing, path = settle(run, pilot, wanted)
        counts |= {"photos settled": int((missing == 0).sum()), "photos that need more": int((missing > 0).sum())}
        counts["votes still needed"] = int(missing.sum())
        if path:
            files["photos that need more"] = str(path)
    return publish_counts(Outcome("plan", counts, tuple(notes), files))


def read_pilot(run: Run, question: str | None) -> Pilot | None:
    """The ratings of one question on the scale that has most of them; None where there are too few.

    Memory: 24 bytes for each of these votes, and 100 for each photo that has one.

    Raises
    ------
    WrongUse
        A question was named that nobody was asked.
    """
    kinds = run.warehouse.query(KINDS, memory=BESIDE).to_pylist()
    if question is not None:
        kinds = [kind for kind in kinds if kind["question"] == question]
        if not kinds:
            raise WrongUse(f"there are no ratings of '{question}'; `salon sql` on counted_ratings lists questions.")
    # People's votes before simulated ones: a plan for people must not rest on a program's.
    kinds = [kind for kind in kinds if not kind["simulated"]] or kinds
    if sum(kind["votes"] for kind in kinds) < PILOT_VOTES:
        return None
    most = max(kinds, key=lambda kind: (kind["votes"], kind["question"], kind["scale"]))
    photo_ids, photo, value, seconds = _votes(run, most)
    spread = spread_of(photo, value)
    if spread is None:
        return None
    known = seconds[~np.isnan(seconds)]
    return Pilot(
        question=most["question"],
        scale=most["scale"],
        photo_ids=photo_ids,
        photo=photo,
        value=value,
        spread=spread,
        seconds=float(np.median(known)) if len(known) else None,
        simulated=most["simulated"],
    )


def _votes(run: Run, kind: dict[str, Any]) -> tuple[Ids, Ints, Floats, Floats]:
    """Rated photos in order, and of each vote the place of its photo, the value and the seconds (NaN if unknown)."""
    named = [kind["question"], kind["scale"], kind["simulated"]]
    rated = Gathered(0)
    for batch in run.warehouse.query_batches(RATED, named, memory=BESIDE):
        rated.add(id_texts(batch["photo_id"]))
    places = Places(rated.ids)
    photo, value, seconds = [], [], []
    for batch in run.warehouse.query_batches(VOTES, named, memory=BESIDE):
        at = places.of(id_texts(batch["photo_id"]))
        there = at >= 0  # a photo may have got its first vote meanwhile
        photo.append(at[there])
        value.append(np.asarray(batch["value"], np.float64)[there])
        seconds.append(np.asarray(batch["seconds"].cast(pa.float64()).fill_null(np.nan))[there])
    return rated.ids, np.concatenate(photo), np.concatenate(value), np.concatenate(seconds)


def settle(run: Run, pilot: Pilot, wanted: float) -> tuple[Ints, Path | None]:
    """Votes that each rated photo still needs; the list of them is written beside the reports."""
    n, sd = shrunk_sd(pilot.photo, pilot.value, pilot.spread)
    missing = votes_missing(n, sd, wanted)
    if not run.warehouse.location.is_local:
        return missing, None
    path = run.warehouse.location.local("reports", "plan.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["photo_id", "votes", "sd", "half_width", "votes_needed"])
        for k in np.argsort(-missing, kind="stable"):  # photos of as many votes by their id
            if missing[k]:
                photo_id, width = pilot.photo_ids[k].decode(), half_width(int(n[k]), float(sd[k]))
                writer.writerow([photo_id, int(n[k]), f"{sd[k]:.3f}", f"{width:.3f}", int(missing[k])])
    return missing, path


def _votes_per_photo(interval: float | None, icc: float | None, sd: float, icc1: float) -> int:
    needed = []
    if interval is not None:
        needed.append(raters_for_half_width(interval, sd))
    if icc is not None:
        if not math.isfinite(icc1) or icc1 <= 0:
            raise WrongUse("ICC(k) can only be planned from ICC(1): no ratings tell it yet; state it with --icc1.")
        needed.append(raters_for_icc(icc, icc1))
    return max(needed)


def _basis(pilot: Pilot | None, sd: float | None, icc1: float | None) -> str:
    stated = " Stated figures were taken in their place." if sd is not None or icc1 is not None else ""
    if pilot is None:
        return "No ratings tell the spread yet: the settings' figures were taken." + stated
    simulated = "simulated " if pilot.simulated else ""
    if sd is None and not pilot.spread.sd:
        stated = " On no photo do two votes differ: the settings' standard deviation was taken." + stated
    return (
        f"Taken from {pilot.spread.votes:,} {simulated}votes on {pilot.spread.photos:,} photos "
        f"('{pilot.question}', scale {pilot.scale}).{stated}"
    )
