"""Builders of batches with real pictures, without the whole curation half."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from labeling.design.shared import shared_queue
from labeling.design.stimuli import Stimulus, task_key, task_of
from labeling.protocols.catalogue import resolve
from schemas.codes import TaskRole
from schemas.photos import PHOTOS, SIGHTINGS, Photo, Sighting
from schemas.protocols import Protocol
from schemas.ratings import BATCHES, TASKS, Batch, BatchState, Task
from warehouse.store import Warehouse

MADE = datetime(2024, 1, 1, tzinfo=UTC)
SECRET = b"a secret of the tests"


def picture(number: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A JPEG file that no other number gives."""
    rng = np.random.default_rng(number)
    small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def add_photos(
    warehouse: Warehouse,
    count: int,
    first: int = 0,
    sizes: Sequence[tuple[int, int]] = ((320, 240),),
    folder: Path | None = None,
) -> list[str]:
    """Files of their own, of these sizes in turn, and their rows; returns the photo ids."""
    folder = folder or warehouse.location.local("files")
    folder.mkdir(exist_ok=True)
    photos, sightings = [], []
    for number in range(first, first + count):
        data = picture(number, sizes[number % len(sizes)])
        path = folder / f"{number}.jpg"
        path.write_bytes(data)
        photos.append(photo_row(data, path))
        sightings.append(sighting_row(data, path))
    warehouse.table(PHOTOS).insert(photos)
    warehouse.table(SIGHTINGS).insert(sightings)
    return [photo.photo_id for photo in photos]


def photo_row(data: bytes, path: Path) -> Photo:
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    return Photo(
        photo_id=hashlib.sha256(data).hexdigest(),
        uri=str(path),
        source="test",
        format="jpeg",
        bytes=len(data),
        width=width,
        height=height,
        mode="RGB",
        orientation=1,
        has_gps=False,
        has_gain_map=False,
        warnings=[],
        simulated=False,
        ingested_at=MADE,
    )


def sighting_row(data: bytes, path: Path) -> Sighting:
    return Sighting(
        uri=str(path),
        photo_id=hashlib.sha256(data).hexdigest(),
        file_name=path.name,
        source="test",
        size=len(data),
        modified_at=MADE,
        etag="",
        seen_at=MADE,
    )


def add_batch(
    warehouse: Warehouse,
    tasks: Sequence[Task],
    *,
    name: str = "batch-1",
    protocol: str = "acr-5",
    queue: str = "shared_queue",
    overlap: int = 3,
    simulated: bool = False,
    protocols: Mapping[str, Protocol] | None = None,
) -> str:
    """Write a batch that waits to be sent; `protocols` are those of the settings."""
    warehouse.table(TASKS).insert(tasks)
    batch = Batch(
        batch_id=name,
        protocol=protocol,
        protocol_version=resolve(protocols or {}, protocol).version,
        selection="{}",
        design=json.dumps({"queue": queue, "overlap": overlap}),
        photos=len({task.photo_id for task in tasks}),
        state=BatchState.CHOSEN.value,
        simulated=simulated,
        created_at=MADE,
    )
    warehouse.table(BATCHES).insert([batch])
    return name


def shared_batch(
    warehouse: Warehouse, photos: int, *, name: str = "batch-1", overlap: int = 3, simulated: bool = False
) -> str:
    """A shared queue over new photos."""
    stimuli = [Stimulus((photo,), TaskRole.RATE, "test") for photo in add_photos(warehouse, photos)]
    tasks = shared_queue(name, stimuli, SECRET, repeats=0, gap=20, seed="test")
    return add_batch(warehouse, tasks, name=name, overlap=overlap, simulated=simulated)


def listed_batch(
    warehouse: Warehouse, photos: int, raters: int, *, name: str = "batch-1", simulated: bool = False
) -> str:
    """A list of its own for each rater, over all photos."""
    tasks = []
    for slot in range(1, raters + 1):
        for position, photo in enumerate(add_photos(warehouse, photos), start=1):
            stimulus = Stimulus((photo,), TaskRole.RATE, "test")
            key = task_key(SECRET, name, stimulus, f"slot {slot}")
            tasks.append(task_of(stimulus, key, name, slot=slot, position=position))
    return add_batch(warehouse, tasks, name=name, queue="project_per_rater", overlap=raters, simulated=simulated)


def long_batch(warehouse: Warehouse, tasks: int, *, photos: int = 6, name: str = "batch-1") -> str:
    """Many tasks over few photos: what sending and collecting cost, without the cost of pictures."""
    ids = add_photos(warehouse, photos)
    rows = []
    for number in range(tasks):
        stimulus = Stimulus((ids[number % photos],), TaskRole.RATE, "test")
        rows.append(task_of(stimulus, task_key(SECRET, name, stimulus, f"copy {number}"), name))
    return add_batch(warehouse, rows, name=name)
