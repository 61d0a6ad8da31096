"""Table-only stages on synthetic tables of growing size: times, peak memory, and the slope between sizes.

``python tests/benchmarks/bench_tables.py --photos 100000 1000000`` (10000000: 3 minutes to make, 4.3 GB of disk).
Every stage runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.peak_memory import peak_mb
from tests.benchmarks.synthetic_tables import RATINGS_PER_PHOTO, write_ratings, write_tables
from warehouse.store import Warehouse

RATED_SHARE = 0.1


def stage(name: str, root: str) -> None:
    """Run one stage in this process, and print its time and peak memory as JSON."""
    from flows.runtime import prepare_environment

    prepare_environment()
    work = STAGES[name]
    if name in FLOWS:
        from flows.prefect_server import ensure_server

        ensure_server()  # started, and waited for by the first request: some seconds at any size
    began, processor = time.perf_counter(), time.process_time()
    work(root)
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - began, 2),
                "processor": round(time.process_time() - processor, 2),
                "peak_mb": round(peak_mb() * 1024**2 / 1e6),  # of 1,000,000 bytes
            }
        )
    )


def insert_again(root: str) -> None:
    """What a second run of ingest pays for knowing that it has nothing to add."""
    from schemas.photos import FINGERPRINTS

    table = Warehouse.open(root).table(FINGERPRINTS)
    assert table.insert(table.dataset().head(2000)) == 0


def status(root: str) -> None:
    """`salon status`."""
    from flows.context import open_run
    from flows.status import status_of

    status_of(open_run(root))


def count_kept(root: str) -> None:
    """`salon sql`."""
    Warehouse.open(root).query_for_people("SELECT count(*) FROM kept")


def run(stage: str, **parameters: Any) -> Callable[[str], None]:
    """A flow, by ``module:name``."""

    def work(root: str) -> None:
        from flows.runtime import run_flow

        outcome = run_flow(stage, root=root, **parameters)
        print(outcome.counts, file=sys.stderr)

    return work


def nothing_to_do(root: str) -> None:
    """Dedupe, filter and score again: what they remember is looked at."""
    from flows.context import open_run
    from flows.settled import settled

    for name in ("dedupe", "filter", "score"):
        assert settled(open_run(root), name, {}) is not None


FLOWS: dict[str, Callable[[str], None]] = {
    "dedupe": run("flows.dedupe:dedupe"),
    "filter": run("flows.filter:filter_photos"),
    "select": run("flows.select:select", n=2000),
    "score": run("flows.score:score"),
}
STAGES: dict[str, Callable[[str], None]] = {
    "insert again": insert_again,
    **FLOWS,
    "status": status,
    "count by sql": count_kept,
    "nothing to do": nothing_to_do,
}


LIMITS = {"dark": 0.05, "blurred": 0.02, "blank": 0.02, "low_information": 0.02}
SETTINGS = "".join(f"[filter.rules.{name}]\nat_least = {limit}\n" for name, limit in LIMITS.items())
"""All default rules, so that there are eight verdicts for each photo; limits that synthetic numbers mostly meet."""


def write(root: str, photos: int) -> None:
    """The tables, unless they are there."""
    if (Path(root) / "warehouse.json").exists():
        return
    warehouse = write_tables(root, photos)
    write_ratings(warehouse, int(photos * RATED_SHARE), raters=max(20, photos // 2000))
    (Path(root) / "salon.toml").write_text(SETTINGS)


def measure(root: str, photos: int, wanted: Sequence[str]) -> dict[str, dict[str, float]]:
    """All stages on a warehouse of so many photos, each in a process of its own."""
    write(root, photos)
    found: dict[str, dict[str, float]] = {}
    for name in wanted:
        code = [sys.executable, __file__, "--stage", name, "--root", root]
        done = subprocess.run(code, capture_output=True, text=True, check=False, env=os.environ)
        if done.returncode:
            raise SystemExit(f"{name} on {photos:,} photos failed:\n{done.stderr}")
        found[name] = json.loads(done.stdout.strip().splitlines()[-1])
        print(f"{photos:,} {name}: {found[name]} {done.stderr.strip()[-300:]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Print the table, with the slope between neighbouring sizes: 1 is linear."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--stage", choices=tuple(STAGES))
    parser.add_argument("--root", help="a warehouse of an earlier call, or the folder that keeps those of this one")
    parser.add_argument("--only", nargs="+", choices=tuple(STAGES), default=list(STAGES))
    options = parser.parse_args()
    if options.stage:
        stage(options.stage, options.root)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.root or temporary)
        results = {photos: measure(str(folder / str(photos)), photos, options.only) for photos in options.photos}
    print(f"{'stage':14}" + "".join(f"{photos:>30,} photos" for photos in results) + "   slope")
    for name in options.only:
        rows = [found[name] for found in results.values()]
        cells = [f"{r['seconds']:>9.2f} s {r['processor']:>9.2f} cpu {r['peak_mb']:>6.0f} MB  " for r in rows]
        slopes = [
            math.log(b["processor"] / a["processor"]) / math.log(more / fewer)
            for (a, b), (fewer, more) in zip(itertools.pairwise(rows), itertools.pairwise(results), strict=True)
        ]
        print(f"{name:14}" + " ".join(cells) + "   " + ", ".join(f"{slope:.2f}" for slope in slopes))
    print(
        f"({RATINGS_PER_PHOTO} ratings on a tenth of the photos; a flow's time holds the start of its Prefect server)"
    )


if __name__ == "__main__":
    main()
