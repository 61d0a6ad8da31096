"""What Prefect costs: a curate with a server running, beside the same functions without Prefect.

``python tests/benchmarks/bench_prefect.py --photos 10000`` makes photos of 500 x 400 out of real ones (kept with
``--folder``), and takes them into two new warehouses: as the flow that `salon curate` runs, and with Prefect's two
decorators taken off. Times are of the work alone: starting the server and importing are told apart. At the end, the
flow once more, with nothing to do, as a person would run it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from PIL import Image

from tests.conftest import real_data
from warehouse.store import Warehouse

SIZE = (500, 400)


def write_photos(folder: Path, count: int) -> None:
    """Parts of real photos, no two alike, the same each time."""
    sources = sorted(real_data("oasis", "images").iterdir())
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = random.Random(number)
        with Image.open(sources[number % len(sources)]) as opened:
            image = opened.convert("RGB")
        share = rng.uniform(0.45, 0.9)
        width, height = round(image.width * share), round(image.height * share)
        left, top = rng.randrange(image.width - width), rng.randrange(image.height - height)
        part = image.crop((left, top, left + width, top + height)).resize(SIZE)
        part.save(unfinished / f"{number:06d}.jpg", quality=90)
    unfinished.rename(folder)


def without_decorators() -> None:
    """Make Prefect's decorators hand their function back, and its artifacts nothing."""
    import prefect
    import prefect.artifacts

    def bare(function: Any = None, **_: Any) -> Any:
        return function if function is not None else lambda given: given

    replaced: Any = prefect
    replaced.flow = replaced.task = bare
    artifacts: Any = prefect.artifacts
    artifacts.create_table_artifact = artifacts.create_link_artifact = lambda *_, **__: None


def work(how: str, root: str, photos: str) -> None:
    """Curate in this process, and print its seconds as JSON."""
    from flows.runtime import prepare_environment, without_heartbeats

    prepare_environment()
    if how == "without":
        without_decorators()
    from flows.curate import curate

    began, processor = time.perf_counter(), time.process_time()
    with nullcontext() if how == "without" else without_heartbeats():  # as `salon curate` runs it
        outcome = curate(root=root, sources=[photos])
    seconds, used = time.perf_counter() - began, time.process_time() - processor
    print(json.dumps({"seconds": seconds, "processor": used, "photos": outcome.counts["ingest: new photos"]}))


def measured(how: str, root: Path, photos: Path) -> dict[str, float]:
    """One run in a process of its own."""
    Warehouse.create(root)
    command = [sys.executable, __file__, "--work", how, "--root", str(root), "--folder", str(photos)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Print both times and the share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="photos of an earlier call, or where to keep them")
    parser.add_argument("--rounds", type=int, default=2, help="flows; the functions alone run once more")
    parser.add_argument("--prepare", action="store_true", help="only make the photos")
    parser.add_argument("--work", choices=("with", "without"))
    parser.add_argument("--root")
    options = parser.parse_args()
    if options.work:
        work(options.work, options.root, str(options.folder))
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        photos = options.folder or place / "photos"
        if not photos.exists():
            write_photos(photos, options.photos)
        if options.prepare:
            return
        os.environ["PREFECT_HOME"] = str(place / "prefect")
        from flows.prefect_server import ensure_server
        from flows.runtime import prepare_environment

        prepare_environment()
        began = time.perf_counter()
        ensure_server()
        subprocess.run([sys.executable, "-c", WAIT], check=True)
        print(f"starting a Prefect server: {time.perf_counter() - began:.1f} s")
        # One beside the other, so that a machine that grows slower slows both down.
        times: dict[str, list[float]] = {"without": [], "with": []}
        for number, how in enumerate(("without", *("with", "without") * options.rounds)):
            root = place / ("with" if how == "with" and not times["with"] else f"root-{number}")
            found = measured(how, root, photos)
            times[how].append(found["seconds"])
            name = "flow, server running" if how == "with" else "functions alone"
            print(f"{name}: {found['seconds']:.1f} s, {found['photos']:,.0f} photos", flush=True)
            if root.name != "with":
                shutil.rmtree(root)
        alone, flow = (statistics.median(times[how]) for how in ("without", "with"))
        print(f"Prefect's share: {1 - alone / flow:.1%} of the flow's time (medians)")
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("salon")), "curate", str(photos)]
        subprocess.run(
            command, check=True, capture_output=True, env=os.environ | {"SALON_ROOT": str(place / "with")}
        )  # fmt: skip
        print(f"curate with nothing to do, the whole command: {time.perf_counter() - began:.1f} s")


WAIT = "from prefect.client.orchestration import get_client\nwith get_client(sync_client=True) as c: c.hello()"

if __name__ == "__main__":
    main()
