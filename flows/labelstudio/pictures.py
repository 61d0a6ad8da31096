"""Renditions for the tasks of a batch: made once per photo, shown under a name per task."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow.compute as pc
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from curation.decoding.refusal import NotAPhoto
from curation.renditions import render
from flows.context import Run, open_run
from flows.labelstudio.studies import Study
from flows.progress import track
from flows.runtime import RETRIES
from labeling.design.stimuli import photos_of
from labeling.labelstudio.payloads import chunks, picture_names
from schemas.errors import IntegrityFault
from schemas.photos import PICTURES
from schemas.ratings import Task
from warehouse.releases.gather import whereabouts
from warehouse.releases.originals import Originals
from warehouse.renditions import Renditions

COPIES = 16
"""Copies at once in an object store, where each waits for an answer."""

SHARD = 200
"""Photos per shard: what is in memory at once."""


def make_pictures(run: Run, study: Study) -> tuple[int, int]:
    """Make the renditions that are missing.

    Returns
    -------
    tuple of int
        Renditions made, and how many of those from the canonical picture because the file is gone or changed.
    """
    store = renditions(run)
    photos = [photo for row in study.tasks for photo in photos_of(row)]
    missing = store.missing(photos)
    made = reduced = 0
    with track("pictures", len(missing)) as bar:
        for shard in chunks(missing, SHARD):
            reduced += make_shard(run.root, list(shard))
            made += len(shard)
            bar.advance(len(shard))
    return made, reduced


class Naming:
    """Gives pictures the names under which tasks show them; only then may a task be sent."""

    def __init__(self, run: Run, study: Study) -> None:
        self._store = renditions(run)
        self._is_local = run.warehouse.location.is_local
        self._batch_id, self._protocol = study.batch.batch_id, study.protocol
        self._shown: set[str] = set()

    def show(self, tasks: Sequence[Task]) -> None:
        """Name the pictures of some tasks; names that are there stay."""
        wanted: list[tuple[str, str]] = []
        for row in tasks:
            if row.task_key not in self._shown:
                self._shown.add(row.task_key)
                names = dict.fromkeys(picture_names(row, self._protocol).values())
                wanted += zip(photos_of(row), names, strict=False)
        if self._is_local:  # a link takes microseconds
            for photo, name in wanted:
                self._store.show(photo, self._batch_id, name)
            return
        with ThreadPoolExecutor(COPIES) as pool:
            for _ in pool.map(lambda pair: self._store.show(pair[0], self._batch_id, pair[1]), wanted):
                pass


def renditions(run: Run) -> Renditions:
    """The store for the settings' size and quality."""
    settings = run.settings.labelstudio
    return Renditions(run.warehouse.location, f"{settings.longest_side}q{settings.quality}")


@task(name="make renditions", cache_policy=NO_CACHE, **RETRIES)
def make_shard(root: str, photo_ids: list[str]) -> int:
    """Make the renditions of some photos; returns how many had to come from the canonical picture."""
    run = open_run(root)
    settings = run.settings.labelstudio
    store = renditions(run)
    originals = Originals(run.warehouse.location, whereabouts(run.warehouse, photo_ids))
    names = _names(run, photo_ids)
    reduced = 0
    make = partial(render, longest_side=settings.longest_side, quality=settings.quality)
    # Pillow lets other threads run while it decodes and encodes.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        waiting = {}
        for photo_id, data in originals.read_all(photo_ids):
            if isinstance(data, IntegrityFault):
                store.put(photo_id, _from_canonical(run, photo_id, data))
                reduced += 1
            else:
                waiting[photo_id] = pool.submit(make, data, name=names.get(photo_id, ""))
        for photo_id, future in waiting.items():
            try:
                store.put(photo_id, future.result().data)
            except NotAPhoto as fault:
                store.put(photo_id, _from_canonical(run, photo_id, fault))
                reduced += 1
    return reduced


def _names(run: Run, photo_ids: Sequence[str]) -> dict[str, str]:
    """A file name per photo: it tells camera RAW from TIFF."""
    import pyarrow as pa

    wanted = pa.table({"photo_id": pa.array(photo_ids, pa.string())})
    rows = run.warehouse.query(
        "SELECT photo_id, min(file_name) AS name FROM sightings SEMI JOIN wanted USING (photo_id) GROUP BY photo_id",
        extra={"wanted": wanted},
    ).to_pylist()
    return {row["photo_id"]: row["name"] for row in rows}


def _from_canonical(run: Run, photo_id: str, fault: Exception) -> bytes:
    """The canonical picture, where the photo's file cannot be had any more; raises the fault without one."""
    rows = run.warehouse.table(PICTURES).read(["bytes"], where=pc.field("photo_id") == photo_id)
    if not rows.num_rows:
        raise fault
    settings = run.settings.labelstudio
    data: bytes = rows["bytes"][0].as_py()
    with Image.open(io.BytesIO(data)) as picture:
        small = max(picture.size) <= settings.longest_side
    return data if small else render(data, settings.longest_side, settings.quality).data
