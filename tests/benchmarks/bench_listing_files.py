"""Listing a folder of a million files that the warehouse knows, and finding what is new among them.

``python -m tests.benchmarks.bench_listing_files --files 1000000`` makes files without content (sizes only, so that they
take no room), writes the rows that ingest would have left, and times a bare walk (names, sizes and times: the floor)
beside what `salon ingest` does before it reads the first new file. Clock times count on a quiet machine only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from schemas.photos import PHOTOS, SIGHTINGS
from schemas.properties import PROPERTIES, PropertySet
from tests.benchmarks.peak_memory import peak_mb
from tests.benchmarks.synthetic_tables import filled, photo_ids
from warehouse.sources.known import unknown_entries
from warehouse.sources.opening import open_sources
from warehouse.store import Warehouse

PER_FOLDER = 2000
MODIFIED = 1_700_000_000


def make_files(folder: Path, count: int) -> None:
    """Files of different sizes and one time, two thousand in a folder."""
    for number in range(count):
        place = folder / f"{number // PER_FOLDER:05d}"
        if number % PER_FOLDER == 0:
            place.mkdir()
        path = place / f"{number:08d}.jpg"
        with path.open("wb") as stream:
            stream.truncate(100_000 + number % 5000)
        os.utime(path, (MODIFIED, MODIFIED))


def write_known(root: str, folder: Path, count: int) -> None:
    """Rows for the first files, as ingest would have left them."""
    warehouse = Warehouse.create(root)
    step = 100_000
    for first in range(0, count, step):
        numbers = range(first, min(first + step, count))
        ids = photo_ids(first, len(numbers))
        uris = pa.array([f"{folder}/{n // PER_FOLDER:05d}/{n:08d}.jpg" for n in numbers])
        seen: dict[str, object] = {
            "uri": uris, "photo_id": ids, "modified_at": datetime.fromtimestamp(MODIFIED, UTC), "etag": "",
            "file_name": pa.array([f"{n:08d}.jpg" for n in numbers]),
            "size": pa.array([100_000 + n % 5000 for n in numbers]),
        }  # fmt: skip
        version = PropertySet.DEFAULT.version
        warehouse.table(SIGHTINGS).insert(filled(SIGHTINGS, len(numbers), **seen))
        warehouse.table(PROPERTIES).insert(filled(PROPERTIES, len(numbers), photo_id=ids, version=version))
        warehouse.table(PHOTOS).insert(filled(PHOTOS, len(numbers), photo_id=ids, uri=uris, simulated=True))


def walk(folder: Path) -> Iterator[os.stat_result]:
    """The floor: every file's size and time."""
    with os.scandir(folder) as items:
        for item in items:
            if item.is_dir():
                yield from walk(Path(item.path))
            else:
                yield item.stat()


def timed(name: str, work: Callable[[], int]) -> int:
    """Run and print."""
    began, used = time.perf_counter(), time.process_time()
    found = work()
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    sys.stdout.write(
        f"{name}: {seconds:.1f} s, {processor:.1f} s of processor, {found:,}; {peak_mb():.0f} MB at most\n"
    )
    sys.stdout.flush()
    return found


def main() -> None:
    """Make, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=100)
    parser.add_argument("--scratch", help="where files are made; the system's place by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-listing-", dir=options.scratch) as place:
        folder, root = Path(place, "photos"), str(Path(place, "warehouse"))
        folder.mkdir()
        make_files(folder, options.files)
        write_known(root, folder, options.files - options.new)
        timed("bare walk", lambda: sum(1 for _ in walk(folder)))
        (source,) = open_sources(str(folder))
        warehouse = Warehouse.open(root)
        new = timed(
            "listing and skipping what is known; new files",
            lambda: sum(len(f) for _, f in unknown_entries(warehouse, source, False, (), PropertySet.DEFAULT)),
        )
        assert new == options.new, "exactly what is new is left"


if __name__ == "__main__":
    main()
