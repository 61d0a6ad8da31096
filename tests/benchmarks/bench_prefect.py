"""What Prefect costs: a curate with a server running, beside the same functions without Prefect.

``python tests/benchmarks/bench_prefect.py --photos 10000`` makes photos of 500 x 400 out of real ones (kept with
``--folder``), and takes them into new warehouses: as the flow that `salon curate` runs, and with Prefect's two
decorators taken off. Times are of the work alone: starting the server and importing are told apart. At the end, the
flow once more, with nothing to do, as a person would run it.

Two runs of the same functions differ by a tenth on a shared machine, which is more than Prefect takes. So its share is
also counted within each flow: by a clock that stands while our own functions run.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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


class Clock:
    """Seconds that a flow spends in Prefect: it goes from each call of a flow, task or artifact on, and stands while
    the function that was decorated runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began: float | None = None

    @contextmanager
    def _set(self, going: bool) -> Iterator[None]:
        before = self._began is not None
        self._turn(going)
        try:
            yield
        finally:
            self._turn(before)

    def _turn(self, going: bool) -> None:
        now = time.perf_counter()
        if self._began is not None:
            self.seconds += now - self._began
        self._began = now if going else None

    def around(self, function: Callable[..., Any], going: bool) -> Callable[..., Any]:
        """The function, with the clock going or standing while it runs."""

        @functools.wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            with self._set(going):
                return function(*given, **named)

        return timed

    def watch(self) -> None:
        """Make Prefect's decorators and artifacts keep this clock."""
        import prefect
        import prefect.artifacts

        def kept(decorator: Any) -> Any:
            def decorate(function: Any = None, **options: Any) -> Any:
                if function is None:
                    return lambda given: decorate(given, **options)
                return self.around(decorator(self.around(function, going=False), **options), going=True)

            return decorate

        replaced: Any = prefect
        replaced.flow, replaced.task = kept(prefect.flow), kept(prefect.task)
        artifacts: Any = prefect.artifacts
        for name in ("create_table_artifact", "create_link_artifact"):
            setattr(artifacts, name, self.around(getattr(artifacts, name), going=True))


def work(how: str, root: str, photos: str) -> None:
    """Curate in this process, and print its seconds as JSON."""
    from flows.runtime import prepare_environment, without_heartbeats

    prepare_environment()
    clock = Clock()
    if how == "without":
        without_decorators()
    else:
        clock.watch()
    from flows.curate import curate

    began, processor = time.perf_counter(), time.process_time()
    with nullcontext() if how == "without" else without_heartbeats():  # as `salon curate` runs it
        outcome = curate(root=root, sources=[photos])
    seconds, used = time.perf_counter() - began, time.process_time() - processor
    counted = {"seconds": seconds, "processor": used, "prefect": clock.seconds}
    print(json.dumps(counted | {"photos": outcome.counts["ingest: new photos"]}))


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
            if how == "with":
                share = found["prefect"] / found["seconds"]
                print(f"  of it in Prefect: {found['prefect']:.2f} s, {share:.1%}", flush=True)
            if root.name != "with":
                shutil.rmtree(root)
        alone, flow = (statistics.median(times[how]) for how in ("without", "with"))
        print(f"the flow less the functions alone: {1 - alone / flow:.1%} of the flow's time (medians)")
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("salon")), "curate", str(photos)]
        subprocess.run(
            command, check=True, capture_output=True, env=os.environ | {"SALON_ROOT": str(place / "with")}
        )  # fmt: skip
        print(f"curate with nothing to do, the whole command: {time.perf_counter() - began:.1f} s")


WAIT = "from prefect.client.orchestration import get_client\nwith get_client(sync_client=True) as c: c.hello()"

if __name__ == "__main__":
    main()
