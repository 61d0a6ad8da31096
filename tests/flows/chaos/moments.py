"""Every moment at which a stage changes what is stored: it is killed there, finished, and compared.

A moment is the begin and the end of each Delta commit, and each file under the warehouse that is made, renamed or
deleted. A process that has imported Salon and done nothing yet is forked for each of them: the child works on a
copy of the warehouse as it was before the stage, kills itself with -9 at its moment, and a second child runs the
same stage again. ``python -m tests.flows.chaos.moments FOLDER`` prints one line of JSON for each moment.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STAGES = ("curate", "import-ratings", "score", "publish")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EVENTS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.rmtree"})
NOT_STORED = ("/locks/", "/.lock")


class Moments:
    """Counts the moments of this process, and ends it at one of them."""

    def __init__(self, root: Path, fatal: int | None) -> None:
        self.count, self._root, self._fatal = 0, str(root), fatal
        self.names: list[str] = []

    def pass_by(self, name: str) -> None:
        """One moment has come."""
        if self.count == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        self.names.append(name)

    def watch(self) -> None:
        """From here on, see every commit and every change of a file under the root."""
        delta: Any = importlib.import_module("warehouse.delta")
        commit = delta.write_deltalake

        def watched(table: Any, *rest: Any, **more: Any) -> None:
            name = Path(table.table_uri).name
            self.pass_by(f"before the commit to {name}")
            commit(table, *rest, **more)
            self.pass_by(f"after the commit to {name}")

        delta.write_deltalake = watched
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS and not (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        place = str(arguments[0])
        if place.startswith(self._root) and not any(part in place for part in NOT_STORED):
            self.pass_by(f"{event} {place.removeprefix(self._root)}")


def run_stage(stage: str, root: Path, material: Path) -> None:
    """Run one stage on a warehouse."""
    from flows.curate import curate
    from flows.import_ratings import import_ratings
    from flows.publish import publish
    from flows.score import score

    stages: dict[str, Callable[[], object]] = {
        "curate": lambda: curate(root=str(root), sources=[str(material / "photos")]),
        "import-ratings": lambda: import_ratings(
            root=str(root), file=str(material / "votes.csv"), scale="1-7", simulated=True
        ),
        "score": lambda: score(root=str(root)),
        "publish": lambda: publish(root=str(root), name="beauty"),
    }
    stages[stage]()


def digests(root: Path) -> dict[str, str]:
    """Of all tables but `releases`, and of the release's files."""
    import hashlib

    from schemas.tables import TABLES
    from warehouse.store import Warehouse

    opened = Warehouse.open(root)
    found = {spec.name: opened.table(spec).digest() for spec in TABLES if spec.name != "releases"}
    found["releases"] = json.dumps(opened.query("SELECT name, version, state, photos FROM releases").to_pylist())
    releases = root / "releases"
    for path in sorted(releases.rglob("*")) if releases.exists() else ():
        if path.is_file() and path.name != ".lock":
            found[str(path.relative_to(releases))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def in_a_child(work: Callable[[], object]) -> tuple[int, Any]:
    """Run `work` in a fork; returns its exit code (negative: the signal) and what it returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        code = 1
        try:
            with os.fdopen(writer, "w") as stream:
                json.dump(work(), stream)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, json.loads(text) if code == 0 else None


def moments_of(stage: str, before: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Kill a stage at each of its moments, and compare."""
    whole = folder / f"whole {stage}"
    shutil.copytree(before, whole)

    def unbroken() -> list[str]:
        moments = Moments(whole, None)
        moments.watch()
        run_stage(stage, whole, folder)
        return moments.names

    code, names = in_a_child(unbroken)
    assert code == 0, f"the unbroken {stage} failed"
    code, expected = in_a_child(lambda: digests(whole))
    assert code == 0
    # One more than there are names: the end, which no moment follows, must be reached alive.
    for number in itertools.count():
        root = folder / "broken"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(before, root)

        def broken(root: Path = root, number: int = number) -> None:
            moments = Moments(root, number)
            moments.watch()
            run_stage(stage, root, folder)

        died, _ = in_a_child(broken)
        if died == 0:
            return
        assert died == -signal.SIGKILL, f"{stage}, moment {number}: exit code {died}"
        finished, _ = in_a_child(lambda root=root: run_stage(stage, root, folder))  # type: ignore[misc]
        assert finished == 0, f"{stage}, moment {number}: the second run failed"
        _, found = in_a_child(lambda root=root: digests(root))  # type: ignore[misc]
        different = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        moment = names[number] if number < len(names) else "later"
        yield {"stage": stage, "moment": moment, "different": different}


def main() -> None:
    """Go through all stages; a folder with `photos` and `votes.csv` is given."""
    import flows.curate
    import flows.import_ratings
    import flows.publish
    import flows.score  # noqa: F401 - imported before the first fork
    from warehouse.store import Warehouse

    folder = Path(sys.argv[1])
    before = folder / "empty"
    code, _ = in_a_child(lambda: Warehouse.create(before).location.root)
    assert code == 0
    (before / "salon.toml").write_text("[ingest]\nshard = 8\nworkers = 1\n")
    for stage in STAGES:
        for told in moments_of(stage, before, folder):
            print(json.dumps(told), flush=True)
        before = folder / f"whole {stage}"


if __name__ == "__main__":
    main()
