"""A yard where chains are killed: photos, votes, a Label Studio, a frozen copy of the code, and an unbroken run.

``python -m tests.flows.chaos.yard FOLDER --seeds 0-49`` does the runs that are not done yet, one line each in
``FOLDER/results.jsonl``; it may be ended and called again at any time. The code is copied once, since a digest
also stands for the versions of models and settings: runs of different code are not comparable.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from flows.labelstudio.panel import panel_accounts
from flows.labelstudio.server import ServerFolder
from tests.conftest import CHECKOUT
from tests.flows.chaos.chain import PANEL, STAGES
from tests.flows.chaos.compare import Picture, differences, picture_of
from tests.flows.chaos.material import write_photos, write_votes
from warehouse.store import Warehouse

CODE = ("schemas", "curation", "labeling", "warehouse", "flows", "tests")
PATIENCE_S = 900
MOST_KILLS = 3
MOST_ATTEMPTS = 8
WORKER_S = 2.5
"""Workers are killed within so long of the first one's start."""
KEY = "a key for chaos, always the same"
TARGETS = {
    # Where a kill of each kind can hurt: the raters' own stage is not Salon's, but a server may die in it.
    "process": tuple(stage for stage in STAGES if stage != "rate"),
    "worker": ("curate",),
    "prefect": tuple(stage for stage in STAGES if stage != "rate"),
    "labelstudio": ("send", "rate", "collect"),
}


@dataclass(frozen=True)
class Kill:
    """Which process is killed, and when: so long after a stage has begun."""

    target: str
    stage: str
    after_s: float


@dataclass
class Attempt:
    """How one process of the chain ended."""

    code: int
    errors: str
    killed: list[str] = field(default_factory=list)


class Yard:
    """All that runs share.

    Parameters
    ----------
    folder : Path
        Where everything lies.
    photos : int
        Files that every run takes in.
    batch : int
        Photos that go to Label Studio.
    """

    def __init__(self, folder: Path, photos: int = 2000, batch: int = 20) -> None:
        self.folder, self.photos, self.batch = folder.absolute(), photos, batch
        self.documents = self.folder / "warehouses"
        self.server = ServerFolder(self.folder / "labelstudio")
        self.results = self.folder / "results.jsonl"
        self._durations: dict[str, float] = {}

    # -- making it ready -----------------------------------------------------------------------------
    def open(self) -> None:
        """Make what is missing, start Label Studio, and do the unbroken run."""
        self.documents.mkdir(parents=True, exist_ok=True)
        self._copy_code()
        if not (self.folder / "photos").exists():
            write_photos(self.folder / "photos", self.photos)
        write_votes(self.folder / "votes.csv", self.folder / "photos")
        self.server.up(self.documents)
        self._make_template()
        if not (self.folder / "unbroken.json").exists():
            root = self._warehouse("unbroken")
            attempt = self._attempt(root, [])
            assert attempt.code == 0, attempt.errors
            kept = {"durations": self._durations, "picture": self._picture(root)}
            (self.folder / "unbroken.json").write_text(json.dumps(kept))
        kept = json.loads((self.folder / "unbroken.json").read_text())
        self._durations, self._expected = kept["durations"], kept["picture"]

    def close(self) -> None:
        """End Label Studio."""
        self.server.down()

    def _copy_code(self) -> None:
        if not (self.folder / "code").exists():
            unfinished = self.folder / "code.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            for name in CODE:
                shutil.copytree(CHECKOUT / name, unfinished / name, ignore=shutil.ignore_patterns("__pycache__"))
            unfinished.rename(self.folder / "code")

    def _make_template(self) -> None:
        """A warehouse with its settings and its raters' accounts: the same pseudonyms in every run."""
        template = self.documents / "template"
        if template.exists():
            return
        unfinished = self.documents / "template.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        Warehouse.create(unfinished)
        running = self.server.running()
        assert running is not None
        (unfinished / "salon.toml").write_text(
            f'[labelstudio]\nurl = "{running.url}"\ndocument_root = "{self.documents}"\nimport_size = 5\n'
            f"[study]\noverlap = {PANEL}\n[ingest]\nshard = {max(20, self.photos // 8)}\n"
        )
        before = dict(os.environ)
        os.environ.update(self._environment(unfinished))
        try:
            panel_accounts(str(unfinished), PANEL)
        finally:
            os.environ.clear()
            os.environ.update(before)
        unfinished.rename(template)

    def _warehouse(self, name: str) -> Path:
        root = self.documents / name
        shutil.rmtree(root, ignore_errors=True)
        self._journal(root).unlink(missing_ok=True)
        shutil.copytree(self.documents / "template", root)
        return root

    def _journal(self, root: Path) -> Path:
        return self.folder / f"{root.name}.finished"

    def _environment(self, root: Path) -> dict[str, str]:
        credentials = self.server.credentials()
        assert credentials is not None
        environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
        return environment | {
            "SALON_ROOT": str(root),
            "SALON_PSEUDONYM_KEY": KEY,
            "LABEL_STUDIO_API_KEY": credentials.token,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PYTHONPATH": str(self.folder / "code"),
            "COLUMNS": "200",
        }

    # -- one run -------------------------------------------------------------------------------------
    def run(self, seed: int) -> dict[str, Any]:
        """Kill a chain one to three times, finish it, and compare; returns what happened."""
        rng = random.Random(seed)
        kills = sorted(
            (self._kill(rng) for _ in range(rng.randint(1, MOST_KILLS))),
            key=lambda kill: (STAGES.index(kill.stage), kill.after_s),
        )
        root = self._warehouse(f"run-{seed}")
        began, attempts, waiting = time.monotonic(), list[Attempt](), list(kills)
        while not attempts or attempts[-1].code != 0:
            assert len(attempts) < MOST_ATTEMPTS, [attempt.errors for attempt in attempts]
            attempts.append(self._attempt(root, waiting))
            self.server.up(self.documents)
        different = differences(self._expected, self._picture(root))
        told = {
            "seed": seed,
            "kills": [f"{kill.target} {kill.after_s:.1f} s into {kill.stage}" for kill in kills if kill not in waiting],
            "killed": [name for attempt in attempts for name in attempt.killed],
            "codes": [attempt.code for attempt in attempts],
            "errors": [attempt.errors[-600:] for attempt in attempts if attempt.errors],
            "different": different,
            "seconds": round(time.monotonic() - began, 1),
        }
        if not different:
            shutil.rmtree(root)
        return told

    def _kill(self, rng: random.Random) -> Kill:
        target = rng.choices(list(TARGETS), (5, 2, 2, 2))[0]
        stage = rng.choice(TARGETS[target])
        most = WORKER_S if target == "worker" else 1.1 * self._durations[stage]
        return Kill(target, stage, rng.uniform(0, most))

    def _picture(self, root: Path) -> Picture:
        before = dict(os.environ)
        os.environ.update(self._environment(root))
        try:
            return picture_of(str(root))
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _attempt(self, root: Path, waiting: list[Kill]) -> Attempt:
        """Start the chain where it stands; kills that are carried out leave the list."""
        database = self.server.path / "data" / "label_studio.sqlite3"
        journal = self._journal(root)
        words = [str(self.folder / "photos"), str(self.folder / "votes.csv"), str(self.batch)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.chaos.chain", *words, str(database), str(journal)],
            cwd=self.folder / "code",
            env=self._environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        errors: list[str] = []
        listener = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
        listener.start()
        attempt, stage, began = Attempt(-1, ""), "", time.monotonic()
        timers: list[threading.Timer] = []
        for line in process.stdout:
            self._durations[stage], stage, began = time.monotonic() - began, line.strip(), time.monotonic()
            for kill in [kill for kill in waiting if kill.stage == stage][:1]:
                waiting.remove(kill)
                wait = 0.0 if kill.target == "worker" else kill.after_s
                timers.append(threading.Timer(wait, self._carry_out, (kill, process, attempt)))
                timers[-1].start()
        self._durations[stage] = time.monotonic() - began
        attempt.code = process.wait(PATIENCE_S)
        for timer in timers:
            timer.cancel()
            timer.join(PATIENCE_S)
        listener.join(30)
        process.stdout.close()
        process.stderr.close()
        attempt.errors = "".join(errors)
        return attempt

    def _carry_out(self, kill: Kill, process: subprocess.Popen[str], attempt: Attempt) -> None:
        if kill.target == "worker" and self._victims(kill.target, process):
            time.sleep(kill.after_s)  # since there have been workers, which is not from the stage's begin
        victims = self._victims(kill.target, process)
        for victim in victims:
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        if victims:
            attempt.killed.append(f"{kill.target} in {kill.stage}")
        if kill.target == "labelstudio":
            time.sleep(1)
            self.server.up(self.documents)

    def _victims(self, target: str, process: subprocess.Popen[str]) -> list[psutil.Process]:
        """Who is to be killed, as soon as there is one; nobody where the chain ends first."""
        while process.poll() is None:
            found = self._found(target, process)
            if found:
                return found
            time.sleep(0.02)
        return []

    def _found(self, target: str, process: subprocess.Popen[str]) -> list[psutil.Process]:
        try:
            chain = psutil.Process(process.pid)
            if target == "process":
                return [chain]
            if target == "labelstudio":
                running = self.server.running()
                return [running.process] if running and running.process else []
            word = "flows.prefect_server" if target == "prefect" else "flows.worker_process"
            found = [child for child in chain.children() if any(word in part for part in child.cmdline())]
            return found[:1] if target == "prefect" else random.sample(found, min(1, len(found)))
        except psutil.NoSuchProcess:
            return []


def main() -> None:
    """Do the seeds that have no result yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="0-49", help="such as 0-49 or 7")
    parser.add_argument("--photos", type=int, default=2000)
    choice = parser.parse_args()
    first, _, last = choice.seeds.partition("-")
    yard = Yard(choice.folder, choice.photos)
    try:
        yard.open()
        lines = yard.results.read_text().splitlines() if yard.results.exists() else []
        done = {int(json.loads(line)["seed"]) for line in lines}
        for seed in range(int(first), int(last or first) + 1):
            if seed not in done:
                told = json.dumps(yard.run(seed))
                with yard.results.open("a") as stream:
                    stream.write(told + "\n")
                print(told, flush=True)
    finally:
        yard.close()


if __name__ == "__main__":
    main()
