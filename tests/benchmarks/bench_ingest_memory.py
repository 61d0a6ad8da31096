"""How much memory ingest holds over all its processes, and whether it grows with the number of files.

Needs the folder of real photos beside the checkout (see tests/conftest.py). ``--small 100000 --large 1000`` is what
ingest promises to do below 2 GB; it needs about 15 GB of disk. The clock's figures count on a quiet machine only.

Shared pages are counted once (PSS): workers are forks of one process and share most of theirs. The sum of what each
process has in memory (RSS, shared pages counted again and again) stands beside it.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.bench_ingest import commented, ingest, make_large, say
from tests.conftest import real_data

QUALITY = 70
"""Of the small files: smaller than the originals, so that a hundred thousand fit on a disk."""
EVERY_S = 0.5


def make_small(folder: Path, count: int) -> None:
    """Files of 500 by 400, each with its own bytes."""
    pictures = []
    for path in sorted(real_data("oasis", "images").iterdir()):
        stream = io.BytesIO()
        with Image.open(path) as picture:
            picture.save(stream, "JPEG", quality=QUALITY)
        pictures.append(stream.getvalue())
    for number in range(count):
        place = folder / f"{number // 1000:03d}"
        place.mkdir(exist_ok=True)
        (place / f"{number:06d}.jpg").write_bytes(commented(pictures[number % len(pictures)], number))


def processes(root: int) -> list[int]:
    """A process and all below it."""
    found = [root]
    try:
        for task in Path(f"/proc/{root}/task").iterdir():
            for word in (task / "children").read_text().split():
                found += processes(int(word))
    except OSError:
        pass  # it has just ended
    return found


def kilobytes(process: int, name: str) -> int:
    """A figure of a process's memory; 0 where it has ended."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


@dataclass
class Memory:
    """Megabytes over all processes, at moments of a run (seconds)."""

    seconds: list[float] = field(default_factory=list)
    shared_once: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)

    def look(self, began: float) -> None:
        """Add a moment."""
        pids = processes(os.getpid())
        self.seconds.append(time.monotonic() - began)
        self.shared_once.append(sum(kilobytes(pid, "Pss") for pid in pids) / 1024)
        self.each.append(sum(kilobytes(pid, "Rss") for pid in pids) / 1024)


@contextmanager
def watched() -> Iterator[Memory]:
    """Look at the memory of this process and all below it while the block runs."""
    memory, over, began = Memory(), threading.Event(), time.monotonic()

    def watch() -> None:
        while not over.wait(EVERY_S):
            memory.look(began)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


def report(name: str, count: int, memory: Memory) -> None:
    """Peaks, the first tenth of the run against the last, and the growth over the second half."""
    held, half, tenth = np.array(memory.shared_once), len(memory.seconds) // 2, max(1, len(memory.seconds) // 10)
    slope = float(np.polyfit(memory.seconds[half:], held[half:], 1)[0]) if len(held) - half > 1 else 0.0
    rate = count / memory.seconds[-1]
    say(f"{name}: {count} files in {memory.seconds[-1]:.0f} s, {rate:.1f}/s")
    say(
        f"{name}: at most {held.max():.0f} MB over all processes "
        f"({max(memory.each):.0f} MB with shared pages counted in each)"
    )
    say(
        f"{name}: first tenth {held[:tenth].mean():.0f} MB, last tenth {held[-tenth:].mean():.0f} MB, "
        f"highest {held[:tenth].max():.0f} and {held[-tenth:].max():.0f} MB; "
        f"second half {slope / rate * 10_000:+.0f} MB per 10,000 files"
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000, help="files of 500 by 400")
    parser.add_argument("--large", type=int, default=100, help="files of 12 megapixels")
    parser.add_argument("--scratch", help="where files are made; the system's place by default")
    chosen = parser.parse_args()
    kinds: dict[str, tuple[int, Callable[[Path], None]]] = {
        "500 x 400": (chosen.small, lambda folder: make_small(folder, chosen.small)),
        "12 megapixels": (chosen.large, lambda folder: make_large(folder, max(1, chosen.large // 25), 25)),
    }
    for name, (count, make) in kinds.items():
        if not count:
            continue
        with tempfile.TemporaryDirectory(prefix="bench-memory-", dir=chosen.scratch) as place:
            folder = Path(place, "photos")
            folder.mkdir()
            make(folder)
            with watched() as memory:
                ingest(folder, Path(place, "warehouse"))
            report(name, count, memory)


if __name__ == "__main__":
    main()
