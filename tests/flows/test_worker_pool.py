"""A file that crashes, hangs or eats memory costs itself alone, and no worker outlives its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.worker_pool import WorkerLimits, WorkerPool
from flows.worker_process import Done, Failed


@dataclass(frozen=True)
class HostileJob:
    """A decoder that does to its process what the item says."""

    def __call__(self, item: str) -> str:
        what = item.split("-")[0]
        if what == "segfault":
            ctypes.string_at(0)
        elif what == "exit":
            os._exit(7)
        elif what == "hang":
            ctypes.CDLL(None).sleep(1000)
        elif what == "spin":
            while True:
                pass
        elif what == "memory":
            return str(len(bytearray(8_000_000_000)))
        elif what == "once":
            place = Path(item.split("-", 1)[1])
            if not place.exists():
                place.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "ONCE"
        elif what == "error":
            raise ValueError("no such colour")
        return item.upper()


def run(items: list[str], workers: int = 2, seconds: float = 2.0) -> dict[str, Done | Failed]:
    with WorkerPool(HostileJob(), workers, WorkerLimits(seconds, 1_000_000_000)) as pool:
        return dict(pool.run(items))


def test_every_good_item_is_answered_whatever_its_neighbours_do() -> None:
    bad = {
        "segfault-1": "crashed",
        "exit-2": "crashed",
        "hang-3": "timeout",
        "spin-4": "timeout",
        "memory-5": "memory",
        "error-6": "error",
        "segfault-7": "crashed",
    }
    good = [f"good-{n}" for n in range(100)]
    items = list(good)
    for place, name in enumerate(bad):
        items.insert(13 * place, name)
    results = run(items)
    assert len(results) == len(items)
    for name in good:
        assert results[name] == Done(name.upper())
    for name, why in bad.items():
        answer = results[name]
        assert isinstance(answer, Failed)
        assert answer.why == why, name


def test_an_item_under_which_a_fresh_worker_was_killed_from_outside_is_not_blamed(tmp_path: Path) -> None:
    item = f"once-{tmp_path / 'killed'}"
    assert run([item, "good-1"], workers=1) == {item: Done("ONCE"), "good-1": Done("GOOD-1")}


def test_items_are_taken_in_no_further_ahead_than_allowed() -> None:
    taken = 0

    def lazily() -> Iterator[str]:
        nonlocal taken
        for n in range(100):
            taken += 1
            yield f"good-{n}"

    with WorkerPool(HostileJob(), 1, in_flight=5) as pool:
        for done, _ in enumerate(pool.run(lazily())):
            assert taken <= done + 6


def test_leaving_the_pool_early_ends_its_workers_at_once() -> None:
    with WorkerPool(HostileJob(), 1, WorkerLimits(seconds=60)) as pool:
        results = pool.run(["good-1", "hang-2", "good-3"])
        next(results)
        began = time.monotonic()
    assert time.monotonic() - began < 30  # far below the limit of 60 s that the hanging item has


def test_a_template_that_dies_is_started_again() -> None:
    with WorkerPool(HostileJob(), 2) as pool:
        results = pool.run(f"good-{n}" for n in range(2000))
        next(results)
        children = (Path(f"/proc/self/task/{os.getpid()}") / "children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        rest = dict(results)
    assert len(rest) == 1999
    assert all(isinstance(answer, Done) for answer in rest.values())


def test_a_worker_that_follows_a_dead_one_is_there_at_once() -> None:
    with WorkerPool(HostileJob(), 1) as pool:
        next(pool.run(["good-0"]))
        began = time.monotonic()
        assert len(dict(pool.run([f"segfault-{n}" for n in range(20)]))) == 20
        assert time.monotonic() - began < 30  # a process that imports everything takes a second or two each


PARENT = """
import sys
sys.path.insert(0, {checkout!r})
from flows.worker_pool import WorkerPool
from tests.flows.test_worker_pool import HostileJob
with WorkerPool(HostileJob(), 2) as pool:
    for item, result in pool.run(["good-1", "good-2", "hang-3", "spin-4"]):
        print(item, flush=True)
"""


def descendants(pid: int) -> list[int]:
    """All processes below one: the template, and the workers that were forked from it."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for word in (task / "children").read_text().split():
            found += [int(word), *descendants(int(word))]
    return found


def test_workers_die_with_a_parent_that_is_killed() -> None:
    checkout = str(Path(__file__).resolve().parent.parent.parent)
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(checkout=checkout)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert {parent.stdout.readline(), parent.stdout.readline()} == {b"good-1\n", b"good-2\n"}
    workers = descendants(parent.pid)
    assert len(workers) == 3
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < until, "a worker outlived its parent"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
