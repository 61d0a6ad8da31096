"""How fast ingest is, beside the decoder alone and beside its peers, in one run on the same files.

Needs the folder of real photos beside the checkout (see tests/conftest.py). Peers that are not installed are
left out, and said to be: ``python -m venv peers && peers/bin/pip install imagededup cleanvision``, then
``--peers peers/bin/python``. ``--quick`` takes a quarter of the files.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from curation.decoding.decode import decode
from curation.properties.measure import measure
from flows.context import Run
from flows.ingest_listing import Choice
from flows.ingest_run import take_in
from flows.progress import track
from schemas.properties import PropertySet
from schemas.settings import IngestSettings, Settings
from tests.conftest import real_data
from warehouse.sources.opening import open_sources
from warehouse.store import Warehouse

PROCESSES = 2
REFERENCE_SECONDS = 9.3
"""The Aesthetics Toolbox, one photo of 500 by 400 on one core (see the README of the reference values)."""


def commented(data: bytes, number: int) -> bytes:
    """The same picture in other bytes: a comment segment behind the first marker."""
    return data[:2] + b"\xff\xfe\x00\x06" + number.to_bytes(4, "big") + data[2:]


def make_large(folder: Path, pictures: int, copies: int) -> None:
    """JPEG files of 4000 by 3000, put together from real photos."""
    sources = sorted(real_data("oasis", "images").iterdir())
    for seed in range(pictures):
        rng = random.Random(seed)
        picture = Image.new("RGB", (4000, 3000))
        for y in range(0, 3000, 400):
            for x in range(0, 4000, 500):
                with Image.open(rng.choice(sources)) as tile:
                    picture.paste(tile.convert("RGB").resize((500, 400)), (x, y))
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=92)
        for copy in range(copies):
            (folder / f"{seed:03d}_{copy}.jpg").write_bytes(commented(stream.getvalue(), copy))


def make_small(folder: Path, count: int) -> None:
    """Copies of the real photos of 500 by 400."""
    sources = sorted(real_data("oasis", "images").iterdir())
    for number in range(count):
        data = sources[number % len(sources)].read_bytes()
        (folder / f"{number:05d}.jpg").write_bytes(commented(data, number))


def decode_only(path: str) -> tuple[int, int]:
    """What the floor does: read, and decode at the smallest scale that still holds the canonical picture."""
    with Image.open(path) as image:
        image.draft("RGB", (512, 384))
        image.load()
        return image.size


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and seconds of processors (of ended child processes too)."""

    clock: float
    cpu: float

    def beyond(self, other: Cost) -> Cost:
        """What this took more than the other."""
        return Cost(max(self.clock - other.clock, 1e-6), max(self.cpu - other.cpu, 1e-6))


def cost_of(work: Callable[[], object]) -> Cost:
    """What a piece of work takes."""
    clock, cpu = time.perf_counter(), cpu_seconds()
    work()
    return Cost(time.perf_counter() - clock, cpu_seconds() - cpu)


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def ingest(folder: Path, root: Path) -> None:
    """Ingest a folder into a new warehouse."""
    run = Run(str(root), Warehouse.create(root), Settings(ingest=IngestSettings(workers=PROCESSES)))
    with track("ingest", None) as tracker:
        take_in(run, open_sources(str(folder)), Choice(), lambda shard: shard.write(), tracker)
    taken, there = run.warehouse.tables["photos"].count(), sum(path.is_file() for path in folder.rglob("*"))
    if taken != there:
        raise SystemExit(f"ingest took {taken} of {there} files")


def decode_all(files: Sequence[Path]) -> None:
    """Decode only, on as many processes as ingest has."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(decode_only, [str(path) for path in files], chunksize=4)
        pool.close()
        pool.join()  # so that the processes' time is counted


SMALL_BYTES = 1_000_000
PEERS = {
    "imagededup (hashes only)": (
        (60, 2000),
        """
from imagededup.methods import PHash
PHash(verbose=False).encode_images(image_dir=folder, num_enc_workers=processes)
""",
    ),
    "cleanvision (seven checks)": (
        (20, 400),
        """
from cleanvision import Imagelab
Imagelab(data_path=folder, verbose=False).find_issues(n_jobs=processes, verbose=False)
""",
    ),
}
"""How many large and small files each peer gets, enough for some seconds, and what it does with a folder."""
PEER_PROGRAM = """
import json, os, sys, tempfile, time, warnings
warnings.simplefilter("ignore")
def work(folder, processes):
{body}
if __name__ == "__main__":
    files, processes = sys.argv[2:], int(sys.argv[1])
    took = []
    for chosen in (files[:processes], files[:processes], files):  # the first time it is imported
        with tempfile.TemporaryDirectory() as folder:
            for path in chosen:
                os.symlink(path, os.path.join(folder, os.path.basename(path)))
            began = time.perf_counter()
            work(folder, processes)
            took.append(time.perf_counter() - began)
    sys.stderr.write("RATE " + str((len(files) - processes) / (took[2] - took[1])) + "\\n")
"""


def peer_rate(python: str, body: str, files: Sequence[Path]) -> float | None:
    """Photos per second of a peer on as many processes as ingest, its start taken off; None where it cannot run."""
    program = PEER_PROGRAM.format(body=textwrap.indent(body, "    "))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "peer.py")  # a file: the peers' own processes import it
        script.write_text(program)
        command = [python, str(script), str(PROCESSES), *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    rates = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("RATE ")]
    if not rates:
        say(f"  (it ended with: {(done.stderr.strip().splitlines() or ['nothing'])[-1][:150]})")
    return float(rates[0]) if rates else None


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def compare(name: str, folder: Path, scratch: Path, python: str) -> None:
    """The decoder alone, ingest and its peers on one folder; starting costs are taken off everywhere."""
    files = sorted(folder.iterdir())
    more = len(files) - 1
    floor = cost_of(lambda: decode_all(files)).beyond(cost_of(lambda: decode_all(files[:1])))
    one = scratch / "one"
    one.mkdir()
    (one / files[0].name).write_bytes(files[0].read_bytes())
    start = cost_of(lambda: ingest(one, scratch / "first"))
    whole = cost_of(lambda: ingest(folder, scratch / "whole")).beyond(start)
    rate = more / whole.clock
    say(f"{name}: {len(files)} files")
    say(f"{name}: decoder alone {more / floor.clock:.1f}/s, {floor.cpu / more * 1e3:.1f} ms CPU each")
    say(f"{name}: ingest {rate:.1f}/s, {whole.cpu / more * 1e3:.1f} ms CPU each (start {start.clock:.1f} s)")
    say(f"{name}: {floor.clock / whole.clock:.2f} of the decoder by the clock, {floor.cpu / whole.cpu:.2f} by CPU")
    for peer, (counts, body) in PEERS.items():
        count = counts[files[0].stat().st_size < SMALL_BYTES]
        found = peer_rate(python, body, files[:: max(1, len(files) // count)])
        told = f"{found:.1f}/s; ingest is {rate / found:.1f} times that" if found else "not installed, not compared"
        say(f"{name}: {peer} {told}")


def full_set() -> None:
    """The full set of properties on one core, beside the reference."""
    files = sorted(real_data("oasis", "images").iterdir())[::50]
    decoded = [decode(path.read_bytes()) for path in files]
    grays = [item.gray for item in decoded]
    measure("x", decoded[0].pixels, grays[0], (500, 400), PropertySet.FULL)
    began = time.process_time()
    for item, gray in zip(decoded, grays, strict=True):
        measure("x", item.pixels, gray, (500, 400), PropertySet.FULL)
    each = (time.process_time() - began) / len(decoded)
    say(f"full properties: {each * 1e3:.0f} ms a photo, {REFERENCE_SECONDS / each:.0f} times the reference's speed")


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", default=sys.executable, help="Python of an environment that has the peers")
    parser.add_argument("--large", action="store_true", help="the large files alone")
    chosen = parser.parse_args()
    share = 4 if chosen.quick else 1
    full_set()
    kinds: dict[str, Callable[[Path], None]] = {
        "12 megapixels": lambda folder: make_large(folder, 40 // share, 10),
        "500 x 400": lambda folder: make_small(folder, 5000 // share),
    }
    if chosen.large:
        del kinds["500 x 400"]
    for name, make in kinds.items():
        with tempfile.TemporaryDirectory(prefix="bench-ingest-") as place:
            folder = Path(place, "photos")
            folder.mkdir()
            make(folder)
            compare(name, folder, Path(place), chosen.peers)


if __name__ == "__main__":
    main()
