"""Listing a bucket of millions that the warehouse knows, and taking in what is new: times, memory, requests.

``python tests/benchmarks/bench_listing.py --keys 5000000 --new 20000`` lists and skips, beside a bare listing as the
floor and fsspec's on a part as the peer; ``--ingest`` takes the new photos in as well (`salon ingest`), and counts
what was read. The bucket is synthetic (`synthetic_bucket.py`), and so are the rows of what is known.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa

from schemas.photos import PHOTOS, SIGHTINGS
from schemas.properties import PROPERTIES, PropertySet
from tests.benchmarks.peak_memory import peak_mb
from tests.benchmarks.synthetic_bucket import (
    BUCKET,
    MODIFIED,
    Layout,
    counts,
    environment,
    size_of,
    synthetic_bucket,
    tag_of,
)
from tests.benchmarks.synthetic_tables import filled, photo_ids
from warehouse.store import Warehouse

PREFIXES = 250
PEER_PREFIXES = 4


def write_known(root: str, layout: Layout) -> None:
    """Rows for every known key, as ingest would have left them."""
    warehouse = Warehouse.create(root)
    step = max(1, 500_000 // max(1, layout.known))
    for first in range(0, layout.prefixes, step):
        numbers = range(first, min(first + step, layout.prefixes))
        pairs = [(number, name) for number in numbers for name in layout.names(0, layout.known)]
        count = len(pairs)
        ids = photo_ids(first, count)
        uris = pa.array([f"s3://{BUCKET}/{layout.prefix(number)}{name}" for number, name in pairs])
        seen: dict[str, object] = {
            "uri": uris, "photo_id": ids, "modified_at": MODIFIED,
            "file_name": pa.array([name for _, name in pairs]),
            "size": pa.array([size_of(number, name) for number, name in pairs]),
            "etag": pa.array([tag_of(number, name) for number, name in pairs]),
        }  # fmt: skip
        warehouse.table(SIGHTINGS).insert(filled(SIGHTINGS, count, **seen))
        warehouse.table(PROPERTIES).insert(filled(PROPERTIES, count, photo_id=ids, version=PropertySet.DEFAULT.version))
        warehouse.table(PHOTOS).insert(
            filled(PHOTOS, count, photo_id=ids, uri=uris, width=4000, height=3000, orientation=1, simulated=True)
        )


def floor() -> int:
    """A bare listing: what the store's own client takes, prefixes side by side."""
    from warehouse.sources.object_store import ObjectStoreSource

    return sum(table.num_rows for table in ObjectStoreSource(f"s3://{BUCKET}/photos").tables())


def skipping(root: str) -> int:
    """Listing, and skipping what is known; returns what is left."""
    from warehouse.sources.known import unknown_entries
    from warehouse.sources.object_store import ObjectStoreSource

    source = ObjectStoreSource(f"s3://{BUCKET}/photos")
    found = unknown_entries(Warehouse.open(root), source, False, (), PropertySet.DEFAULT)
    return sum(len(fresh) for _, fresh in found)


def peer() -> int:
    """fsspec's listing of some prefixes."""
    files = fsspec.filesystem("s3")
    return sum(len(files.find(f"{BUCKET}/photos/{number:04d}", detail=True)) for number in range(PEER_PREFIXES))


def in_its_own_process(what: str, root: str) -> dict[str, Any]:
    """Run one of the functions above in a new process: seconds, processor seconds, peak memory, result."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", what, "--root", root], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def only(what: str, root: str) -> None:
    """Print the measures of one function as JSON."""
    work: Callable[[], int] = {"floor": floor, "peer": peer, "skipping": lambda: skipping(root)}[what]
    began = time.perf_counter()
    result = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "result": result,
                "seconds": time.perf_counter() - began,
                "processor": used.ru_utime + used.ru_stime,
                "peak_mb": peak_mb(),
            }
        )
    )


def ingest(root: str, address: str) -> None:
    """Take the new photos in with the command, and count what was read."""
    began = time.perf_counter()
    salon = Path(sys.executable).with_name("salon")
    command = [str(salon), "ingest", f"s3://{BUCKET}/photos", "--root", root, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout)["counts"]
    read = counts(address)
    each = [number for what, number in read.items() if what.startswith("read photos/")]
    print(f"salon ingest: {time.perf_counter() - began:.1f} s; {told}")
    print(
        f"  reads of known objects: {read.get('read known', 0)}; new objects read: {len(each):,}, "
        f"each at most {max(each, default=0)} times; requests for heads: {read.get('head', 0)}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=200_000, help="keys that the warehouse knows")
    parser.add_argument("--new", type=int, default=1_000)
    parser.add_argument("--ingest", action="store_true")
    parser.add_argument("--only", choices=("floor", "peer", "skipping"))
    parser.add_argument("--root", help="keep the warehouse here, and use it again")
    options = parser.parse_args()
    if options.only:
        only(options.only, options.root)
        return
    layout = Layout(PREFIXES, options.keys // PREFIXES, options.new // PREFIXES)
    with tempfile.TemporaryDirectory() as temporary, synthetic_bucket(layout) as address:
        os.environ.update(environment(address))
        root = options.root or temporary
        if not (Path(root) / "warehouse.json").exists():
            began = time.perf_counter()
            write_known(root, layout)
            print(
                f"{PREFIXES * layout.known:,} known keys written in {time.perf_counter() - began:.0f} s (not counted)"
            )
        rows = {name: in_its_own_process(name, root) for name in ("floor", "skipping", "peer")}
        shares = {"floor": 1.0, "skipping": 1.0, "peer": PEER_PREFIXES / PREFIXES}
        for name, row in rows.items():
            per = row["processor"] / (layout.keys * shares[name]) * 1e6
            print(
                f"{name:9} {row['seconds']:7.1f} s {row['processor']:7.1f} s of processor ({per:5.1f} µs a key) "
                f"{row['peak_mb']:6.0f} MB  {row['result']:,}"
            )
        assert rows["skipping"]["result"] == PREFIXES * layout.new, "exactly what is new is left"
        assert np.isclose(rows["floor"]["result"], layout.keys)
        if options.ingest:
            ingest(root, address)


if __name__ == "__main__":
    main()
