"""From verified pairs to the tables `duplicates` and `bursts`: always worked out anew, from all pairs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curation.duplicates.borders import packed_share
from curation.duplicates.bursts import Exposure, are_two_exposures, bursts
from curation.duplicates.crowds import CROWD, among_the_first
from curation.duplicates.groups import Group, Pair, components, group, group_id, ordered
from curation.duplicates.proposals import UPRIGHT
from curation.duplicates.representative import Candidate as Choice
from curation.duplicates.representative import why
from curation.fingerprints import FingerprintMethod
from flows.context import Run
from flows.deduplication.candidates import kind_of
from flows.deduplication.second_look import is_same, relation_of
from schemas.codes import Relation
from schemas.photos import BURSTS, Burst, Duplicate
from schemas.settings import DedupeSettings

NEIGHBOUR = "neighbour@1"
"""Method of a pair that no fingerprint proposed: both are the same as a third photo."""

EXACT = f"""
    SELECT photo_id, min(photo_id) OVER (PARTITION BY bits) AS leader
    FROM fingerprints SEMI JOIN photos USING (photo_id)
    WHERE method = '{FingerprintMethod.PIXELS}'
    QUALIFY count(*) OVER (PARTITION BY bits) > 1
"""
ALIKE = """
    SELECT photo_a, photo_b, method, distance, measure, agreeing, form FROM duplicate_pairs
    SEMI JOIN photos a ON a.photo_id = photo_a SEMI JOIN photos b ON b.photo_id = photo_b
    WHERE relation <> 'semantic' ORDER BY photo_a, photo_b, method
"""
FACTS = f"""
    SELECT p.photo_id, width, height, bytes, format, captured_at, camera_make, camera_model,
        (captured_at IS NOT NULL)::INT + (camera_model IS NOT NULL)::INT + (lens IS NOT NULL)::INT
        + (f_number IS NOT NULL)::INT + (exposure_s IS NOT NULL)::INT + (iso IS NOT NULL)::INT AS metadata,
        h.bits AS hash, t.bits AS trimmed
    FROM photos p SEMI JOIN wanted USING (photo_id)
    LEFT JOIN fingerprints h ON h.photo_id = p.photo_id AND h.method = '{FingerprintMethod.PHASH64}'
    LEFT JOIN fingerprints t ON t.photo_id = p.photo_id AND t.method = '{FingerprintMethod.TRIMMED64}'
"""
RING = f"""
    SELECT photo_id, coalesce(bits, unhex(photo_id)) AS pixels FROM wanted
    LEFT JOIN (SELECT photo_id, bits FROM fingerprints WHERE method = '{FingerprintMethod.PIXELS}') USING (photo_id)
    ORDER BY photo_id
"""
TIMED = f"""
    SELECT p.photo_id, camera_make, camera_model, captured_at, h.bits AS hash FROM representatives p
    JOIN fingerprints h ON h.photo_id = p.photo_id AND h.method = '{FingerprintMethod.PHASH64}'
    WHERE captured_at IS NOT NULL AND (camera_make IS NOT NULL OR camera_model IS NOT NULL)
    WINDOW cameras AS (
        PARTITION BY concat_ws(' ', nullif(camera_make, ''), nullif(camera_model, '')) ORDER BY captured_at)
    -- Only frames with another of the same camera within the pause: few of millions.
    QUALIFY captured_at - lag(captured_at) OVER cameras <= to_microseconds(?)
        OR lead(captured_at) OVER cameras - captured_at <= to_microseconds(?)
"""


@dataclass(frozen=True)
class Seen:
    """What is known of one pair of photos."""

    same: bool
    proposed: bool
    method: str
    distance: float
    measure: float
    form: str | None


@dataclass
class Knowledge:
    """All that groups are made from: photos with equal pixels are one node, named by the smallest photo_id."""

    exact: dict[str, list[str]]
    pairs: dict[Pair, Seen]
    choices: dict[str, Choice]
    exposures: dict[str, Exposure]

    def best(self, node: str) -> Choice:
        """The photo that stands for a node."""
        return min((self.choices[photo] for photo in self.exact.get(node, [node])), key=lambda choice: choice.order)

    def same(self, a: str, b: str) -> bool | None:
        """Whether two nodes are verified to be the same; None where nobody has looked."""
        if are_two_exposures(self.exposures[a], self.exposures[b]):
            return False
        seen = self.pairs.get(ordered(a, b))
        return None if seen is None else seen.same


def read_knowledge(run: Run) -> Knowledge:
    """Pairs that matter for groups: all that were looked at among photos which some verified pair touches."""
    exact: dict[str, list[str]] = defaultdict(list)
    for row in run.warehouse.query(EXACT).to_pylist():
        exact[row["leader"]].append(row["photo_id"])
    copies = {photo for leader, photos in exact.items() for photo in photos if photo != leader}
    pairs = _pairs(run, copies)
    touched = {photo for pair, seen in pairs.items() if seen.same for photo in pair} | copies | set(exact)
    pairs = {pair: seen for pair, seen in pairs.items() if touched.issuperset(pair)}
    facts = _facts(run, touched)
    return Knowledge(
        dict(exact),
        pairs,
        {row["photo_id"]: _choice(row) for row in facts},
        {row["photo_id"]: exposure_of(row) for row in facts},
    )


def _facts(run: Run, photos: Collection[str]) -> list[dict[str, Any]]:
    wanted = pa.table({"photo_id": sorted(photos)}, schema=ID)
    return list(run.warehouse.query(FACTS, extra={"wanted": wanted}).to_pylist())


def choices_of(run: Run, photos: Collection[str]) -> dict[str, Choice]:
    """What the choice of a representative among these photos depends on."""
    return {row["photo_id"]: _choice(row) for row in _facts(run, photos)} if photos else {}


def _pairs(run: Run, copies: set[str]) -> dict[Pair, Seen]:
    """What counts of all pairs that were ever looked at: what one run over these photos would look at.

    Of several rows the join's best one counts; a pair that it does not propose among these photos (another has
    come between, in a crowd) counts as far as a group asked for it. Equal pixels are looked at once.
    """
    settings = run.settings.dedupe
    proposed: dict[Pair, tuple[tuple[bool, float, int], Seen]] = {}
    asked: dict[Pair, Seen] = {}
    for row in run.warehouse.query(ALIKE).to_pylist():
        pair = (row["photo_a"], row["photo_b"])
        if not copies.isdisjoint(pair) or not _allowed(row["form"], settings):
            continue
        by_join = not row["method"].startswith(NEIGHBOUR)
        seen = Seen(
            same=is_same(row["measure"], row["agreeing"], settings),
            proposed=by_join,
            method=row["method"],
            distance=row["distance"],
            measure=row["measure"],
            form=row["form"],
        )
        if not by_join:
            asked[pair] = max(asked.get(pair, seen), seen, key=_strength)
        elif row["distance"] <= settings.radius:
            kind = kind_of(row["method"], row["form"])
            entry = ((kind >= UPRIGHT, row["distance"], kind), seen)
            proposed[pair] = min(proposed.get(pair, entry), entry, key=lambda known: known[0])
    kept = _uncrowded(run, proposed)
    return asked | {pair: seen for pair, (_, seen) in proposed.items() if pair in kept}


def _uncrowded(run: Run, proposed: Mapping[Pair, tuple[tuple[bool, float, int], Seen]]) -> Collection[Pair]:
    """The pairs that are among the first of one of their photos: all of them, where there is no crowd."""
    degree = Counter(photo for pair in proposed for photo in pair)
    if not degree or max(degree.values()) <= CROWD:
        return proposed.keys()
    names = sorted(degree)
    places = {name: place for place, name in enumerate(names)}
    wanted = pa.table({"photo_id": names}, schema=ID)
    ring = np.array(
        [
            int.from_bytes(row[:8], "big")
            for row in run.warehouse.query(RING, extra={"wanted": wanted})["pixels"].to_pylist()
        ],
        np.uint64,
    )
    first = np.array([places[a] for a, _ in proposed])
    second = np.array([places[b] for _, b in proposed])
    ranks = [rank for rank, _ in proposed.values()]
    turned, distance = np.array([rank[0] for rank in ranks]), np.array([rank[1] for rank in ranks], np.uint8)
    kept = among_the_first((first, second), turned, distance, ring)
    return {pair for pair, keep in zip(proposed, kept, strict=True) if keep}


FRAMED = 0.95
"""What a framed picture's pixels count: of two equal ones, the one without a frame stands for the group."""
ID = pa.schema([("photo_id", pa.string())])


def _allowed(form: str | None, settings: DedupeSettings) -> bool:
    if relation_of(form) is Relation.MIRROR:
        return bool(settings.mirrored_is_same)
    return bool(settings.turned_is_same) if relation_of(form) is Relation.TURNED else True


def _strength(seen: Seen) -> tuple[bool, bool, float]:
    """The best of the forms in which a pair was looked at: verified, upright, alike."""
    return (seen.same, seen.form is None, seen.measure)


def _choice(row: Mapping[str, Any]) -> Choice:
    area = row["width"] * row["height"]
    share = packed_share(row["trimmed"][8:]) if row["trimmed"] else 1.0
    if share < 1:
        share *= FRAMED
    return Choice(
        photo_id=row["photo_id"],
        width=row["width"],
        height=row["height"],
        pixels=round(area * share),
        bits_per_pixel=8 * row["bytes"] / max(1, area),
        format=row["format"],
        metadata=row["metadata"],
        captured_at=row["captured_at"],
    )


def exposure_of(row: Mapping[str, Any]) -> Exposure:
    """When and with what a photo was taken, from a row of `photos` with its hash."""
    camera = " ".join(part for part in (row["camera_make"], row["camera_model"]) if part)
    return Exposure(
        photo_id=row["photo_id"],
        camera=camera,
        captured_at=row["captured_at"],
        phash64=int.from_bytes(row["hash"] or b"", "big"),
    )


def groups_of(known: Knowledge) -> tuple[list[Group], list[Pair]]:
    """The groups of nodes, and the pairs that must be looked at first."""
    edges = [
        pair
        for pair, seen in known.pairs.items()
        if seen.same and seen.proposed and not are_two_exposures(*(known.exposures[node] for node in pair))
    ]
    result = group(components(edges), lambda node: known.best(node).order, known.same)
    return list(result.groups), list(result.wanted)


def duplicates_of(known: Knowledge, groups: Sequence[Group]) -> list[Duplicate]:
    """The rows of `duplicates`, ordered by photo_id."""
    grouped = {node for one in groups for node in (one.representative, *one.others)}
    alone = [Group(node, ()) for node in known.exact if node not in grouped]
    return sorted((row for one in [*groups, *alone] for row in _rows(known, one)), key=lambda row: row.photo_id)


def _rows(known: Knowledge, one: Group) -> list[Duplicate]:
    best = known.best(one.representative)
    rows = []
    for node in (one.representative, *one.others):
        seen = known.pairs.get(ordered(one.representative, node))
        for photo in known.exact.get(node, [node]):
            if photo == best.photo_id:
                continue
            relation = Relation.EXACT if seen is None else relation_of(seen.form)
            rows.append((photo, relation, seen.distance if seen else 0.0, seen.method if seen else "pixels@1"))
    identity = group_id(min(best.photo_id, *(photo for photo, *_ in rows)))
    runner_up = min((known.choices[photo] for photo, *_ in rows), key=lambda choice: choice.order)
    duplicates = [
        Duplicate(
            photo_id=photo,
            group_id=identity,
            representative_id=best.photo_id,
            relation=str(relation),
            distance=distance,
            method=method,
            reason=f"the representative is {why(best, known.choices[photo])}",
        )
        for photo, relation, distance, method in rows
    ]
    return [stands_for(best, runner_up, len(rows) + 1, identity), *duplicates]


def stands_for(best: Choice, runner_up: Choice, size: int, identity: str) -> Duplicate:
    """The row of a photo that stands for a group of that size."""
    return Duplicate(
        photo_id=best.photo_id,
        group_id=identity,
        representative_id=best.photo_id,
        relation=str(Relation.REPRESENTATIVE),
        distance=0.0,
        method="order@1",
        reason=f"first of {size}; {why(best, runner_up)}",
    )


def bursts_of(run: Run) -> list[Burst]:
    """The rows of `bursts`: of representatives only, so that a copy of a frame is no frame of its own."""
    settings = run.settings.dedupe
    if not settings.burst_seconds:
        return []
    pause = math.ceil(settings.burst_seconds * 1e6)
    rows = run.warehouse.query(TIMED, [pause, pause]).to_pylist()
    return bursts((exposure_of(row) for row in rows), settings.burst_seconds, settings.burst_radius)


def store_bursts(run: Run) -> int:
    """Replace the table where it differs; returns the number of bursts."""
    rows = bursts_of(run)
    run.warehouse.table(BURSTS).replace(rows)
    return len({row.burst_id for row in rows})
