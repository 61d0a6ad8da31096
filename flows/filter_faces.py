"""Counting faces on canonical pictures; counts of an earlier run are kept, since limits do not change them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import local

import numpy as np

from curation.canonical import VERSION as PICTURE_VERSION
from curation.filtering.decisions import Scores, measure_hash
from curation.filtering.faces import FaceFinder
from flows.context import Run
from flows.embedders import cores
from flows.progress import track
from schemas.errors import BadInput
from schemas.photos import PICTURES
from schemas.settings.rules import FacesRule
from warehouse.pictures import picture_shards, read_pictures

SHARD = 2000


def count_faces(run: Run, rule: FacesRule, photo_ids: list[str]) -> Scores:
    """Faces on each photo; NaN where there is no picture."""
    earlier = run.warehouse.query(
        "SELECT photo_id, max(score) AS score FROM verdicts WHERE measure = ? GROUP BY photo_id",
        [measure_hash(rule, "")],
    )
    known = dict(zip(earlier["photo_id"].to_pylist(), earlier["score"].to_pylist(), strict=True))
    wanted = [photo_id for photo_id in photo_ids if known.get(photo_id) is None]
    finders = local()

    def count(item: tuple[str, bytes]) -> tuple[str, float]:
        if not hasattr(finders, "one"):
            finders.one = FaceFinder()
        try:
            return item[0], float(finders.one.count(item[1]))
        except BadInput:
            return item[0], float("nan")

    table = run.warehouse.table(PICTURES)
    with ThreadPoolExecutor(cores()) as pool, track("faces", total=len(wanted)) as progress:
        for shard in picture_shards(table, PICTURE_VERSION, wanted, SHARD):
            known.update(pool.map(count, read_pictures(table, PICTURE_VERSION, shard)))
            progress.advance(len(shard.photo_ids))
    return np.array([np.nan if known.get(p) is None else known[p] for p in photo_ids], dtype=np.float64)
