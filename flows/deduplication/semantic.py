"""Photos that are alike in an embedding without being one picture: found, shown, and left out where that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from curation.duplicates.groups import Group, Pair, components, group, group_id, ordered
from curation.duplicates.representative import Candidate as Choice
from curation.duplicates.representative import why
from curation.duplicates.vector_ranges import Near, pairs_within
from flows.context import Run
from flows.deduplication.grouping import choices_of, stands_for
from flows.embedders import matrix_of, space_name
from flows.progress import track
from schemas.codes import Relation, SemanticPolicy
from schemas.photos import COMPARED, DUPLICATE_PAIRS, Compared, Duplicate, DuplicatePair
from warehouse.vectors import VectorMatrix

ALIKE = """
    SELECT photo_a, photo_b, distance FROM duplicate_pairs
    SEMI JOIN photos a ON a.photo_id = photo_a SEMI JOIN photos b ON b.photo_id = photo_b
    ANTI JOIN copies c ON c.photo_id = photo_a ANTI JOIN copies d ON d.photo_id = photo_b
    WHERE method = ? AND distance <= ? ORDER BY photo_a, photo_b
"""


@dataclass(frozen=True)
class Alike:
    """Compact groups of photos that are alike: each other lies within the limit of its representative."""

    method: str
    groups: tuple[Group, ...]
    distances: dict[Pair, float]

    @classmethod
    def none(cls) -> Alike:
        """No groups."""
        return cls("", (), {})


def method_of(space: str) -> str:
    """The method of a pair in a space, as the tables have it."""
    return f"cosine:{space}"


def find_pairs(run: Run) -> int:
    """Compare the vectors that are new with all others; returns how many pairs were stored for the first time.

    A run that is killed has marked nothing as compared: the next one finds the same pairs and stores the rest.
    """
    settings = run.settings.dedupe
    if settings.semantic is SemanticPolicy.OFF:
        return 0
    space = space_name(run.settings.embed)
    name = f"{method_of(space)} within {settings.semantic_distance:g}"
    # Marks before vectors: whichever of two runs reads its vectors later sees those of the other.
    done = run.warehouse.query(f'SELECT photo_id FROM {COMPARED.name} WHERE "join" = ?', [name])
    matrix = matrix_of(run, space)
    ids = pa.array(matrix.photo_ids(np.arange(len(matrix.vectors))), pa.string())
    new = ~np.asarray(pa.compute.is_in(ids, value_set=done["photo_id"].combine_chunks()))
    if not new.any():
        return 0
    stored, table = 0, run.warehouse.table(DUPLICATE_PAIRS)
    with track(f"alike in {space}", total=int(new.sum())) as progress:
        found = pairs_within(matrix.vectors, new, settings.semantic_distance, progress.advance)
        for rows in _shards(_rows(matrix, found, method_of(space)), settings.shard):
            stored += table.insert(rows)
    run.warehouse.table(COMPARED).insert(
        Compared(photo_id=photo, join=name) for photo in ids.filter(pa.array(new)).to_pylist()
    )
    return stored


def _rows(matrix: VectorMatrix, found: Iterator[Near], method: str) -> Iterator[DuplicatePair]:
    for near in found:
        pairs = zip(matrix.photo_ids(near.left), matrix.photo_ids(near.right), near.distance.tolist(), strict=True)
        for a, b, distance in pairs:
            first, second = ordered(a, b)
            yield DuplicatePair(
                photo_a=first,
                photo_b=second,
                method=method,
                distance=distance,
                verified=False,
                measure=round(1 - distance, 6),
                relation=str(Relation.SEMANTIC),
            )


def _shards(rows: Iterator[DuplicatePair], size: int) -> Iterator[list[DuplicatePair]]:
    batch: list[DuplicatePair] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def alike_among(run: Run, copies: Sequence[Duplicate]) -> Alike:
    """The groups of photos that stand for themselves or for their copies, as far as they have vectors."""
    settings = run.settings.dedupe
    if settings.semantic is SemanticPolicy.OFF:
        return Alike.none()
    method = method_of(space_name(run.settings.embed))
    others = [row.photo_id for row in copies if row.photo_id != row.representative_id]
    rows = run.warehouse.query(
        ALIKE,
        [method, settings.semantic_distance],
        extra={"copies": pa.table({"photo_id": pa.array(others, pa.string())})},
    ).to_pylist()
    distances = {(row["photo_a"], row["photo_b"]): float(row["distance"]) for row in rows}
    choices = choices_of(run, {photo for pair in distances for photo in pair})
    result = group(components(distances), lambda photo: choices[photo].order, lambda a, b: ordered(a, b) in distances)
    return Alike(method, result.groups, distances)


def left_out(run: Run, copies: Sequence[Duplicate], alike: Alike) -> list[Duplicate]:
    """The rows of `duplicates` where those that are alike are left out as well, with their copies."""
    rows = {row.photo_id: row for row in copies}
    members: dict[str, list[str]] = {}
    for row in copies:
        members.setdefault(row.representative_id, []).append(row.photo_id)
    choices = choices_of(run, {photo for one in alike.groups for photo in (one.representative, *one.others)})
    for one in alike.groups:
        everyone = {photo for head in (one.representative, *one.others) for photo in members.get(head, [head])}
        identity, best = group_id(min(everyone)), choices[one.representative]
        for photo in members.get(one.representative, ()):
            rows[photo] = replace(rows[photo], group_id=identity)
        rows[best.photo_id] = stands_for(best, choices[one.others[0]], len(everyone), identity)
        for head in one.others:
            distance = alike.distances[ordered(best.photo_id, head)]
            for photo in members.get(head, [head]):
                reason = _reason(best, choices[head], photo)
                rows[photo] = Duplicate(
                    photo_id=photo,
                    group_id=identity,
                    representative_id=best.photo_id,
                    relation=str(Relation.SEMANTIC),
                    distance=distance,
                    method=alike.method,
                    reason=reason,
                )
    return sorted(rows.values(), key=lambda row: row.photo_id)


def _reason(best: Choice, head: Choice, photo: str) -> str:
    copy = "" if photo == head.photo_id else f"a copy of {head.photo_id[:12]}, which is alike; "
    return f"{copy}the representative is {why(best, head)}"
