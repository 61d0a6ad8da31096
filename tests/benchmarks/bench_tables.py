"""Table-only stages on synthetic tables of growing size: times, peak memory, and the slope between sizes.

``python tests/benchmarks/bench_tables.py --photos 100000 1000000`` (10000000 takes long and about 40 GB of disk).
Every stage runs in a process of its own, so that its peak memory is its own.
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

from tests.benchmarks.synthetic_tables import RATINGS_PER_PHOTO, write_ratings, write_tables, write_verdicts
from warehouse.store import Warehouse

RATED_SHARE = 0.1


def stage(name: str, root: str) -> None:
    """Run one stage in this process, and print its time and peak memory as JSON."""
    from flows.runtime import prepare_environment

    prepare_environment()
    began = time.perf_counter()
    if name == "insert again":
        from schemas.photos import FINGERPRINTS

        table = Warehouse.open(root).table(FINGERPRINTS)
        assert table.insert(table.dataset().head(2000)) == 0
    elif name == "status":
        from flows.context import open_run
        from flows.status import status_of

        status_of(open_run(root))
    elif name == "count by sql":
        Warehouse.open(root).query_for_people("SELECT count(*) FROM kept")
    else:
        from flows.prefect_server import ensure_server

        ensure_server()
        if name == "select":
            from flows.select import select

            select(root=root, n=2000)
        else:
            from flows.score import score

            score(root=root)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(time.perf_counter() - began, 2), "peak_mb": round(peak)}))


STAGES = ("insert again", "count by sql", "status", "select", "score")


def measure(photos: int) -> dict[str, dict[str, float]]:
    """All stages on a warehouse of so many photos."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as root:
        began = time.perf_counter()
        warehouse = write_tables(root, photos)
        write_verdicts(warehouse)
        write_ratings(warehouse, int(photos * RATED_SHARE), raters=max(20, photos // 2000))
        found["write tables"] = {"seconds": round(time.perf_counter() - began, 2), "peak_mb": 0}
        for name in STAGES:
            code = [sys.executable, __file__, "--stage", name, "--root", root]
            done = subprocess.run(code, capture_output=True, text=True, check=False, env=os.environ)
            if done.returncode:
                raise SystemExit(f"{name} on {photos:,} photos failed:\n{done.stderr}")
            found[name] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--root")
    options = parser.parse_args()
    if options.stage:
        stage(options.stage, options.root)
        return
    results = {photos: measure(photos) for photos in options.photos}
    print(f"{'stage':16}" + "".join(f"{photos:>14,} photos" for photos in results))
    for name in next(iter(results.values())):
        cells = [f"{r[name]['seconds']:>9.2f} s {r[name]['peak_mb']:>7.0f} MB" for r in results.values()]
        print(f"{name:16}" + " ".join(cells))
    print(f"({RATINGS_PER_PHOTO} ratings on a tenth of the photos)")


if __name__ == "__main__":
    main()
