"""The whole chain in one process that may be killed: the stages that are named, one command after the other.

It is started by `tests.flows.chaos.yard`. Each stage runs through the command line's own entry, so that what a
person would read comes out of it. Standard output tells which stage has begun; a file beside the warehouse
remembers those that are finished.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

BATCH = "batch-1"
PANEL = 2
STAGES = ("curate", "import-ratings", "score", "select", "send", "rate", "collect", "score again", "publish")


def words_of(stage: str, photos: str, votes: str, batch_size: int) -> list[str]:
    """The command line of a stage."""
    return {
        "curate": ["curate", photos],
        "import-ratings": ["import-ratings", votes, "--scale", "1-7", "--simulated"],
        "score": ["score"],
        "select": ["select", "--n", str(batch_size), "--batch", BATCH, "--simulated"],
        "send": ["send", BATCH],
        "collect": ["collect"],
        "score again": ["score"],
        "publish": ["publish", "beauty"],
    }[stage]


def rate(root: str, database: str) -> int:
    """Two simulated raters answer the batch, each picture the same in every run, at the same times in every run."""
    from flows.labelstudio.panel import rate_as_panel
    from labeling.protocols.answers import Answer, Reply
    from schemas.errors import SalonError
    from schemas.protocols import Protocol
    from tests.flows.chaos.clocks import let_locks_expire, set_times

    def judge(rater: int, key: str, protocol: Protocol) -> Reply:
        return Reply(Answer(values={protocol.question: 1.0 + (int(key, 16) + 2 * rater) % 5}), 2.0)

    let_locks_expire(Path(database))
    try:
        rate_as_panel(root, BATCH, PANEL, judge)
    except SalonError as fault:
        print(f"raters: {fault}", file=sys.stderr)
        return fault.exit_code
    set_times(Path(database), root)
    return 0


def main() -> int:
    """Run the stages that are not finished; returns the exit code of the one that failed, else 0."""
    photos, votes, batch_size, database, finished = sys.argv[1:]
    speak = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    journal = Path(finished)
    done = journal.read_text().splitlines() if journal.exists() else []
    for stage in STAGES:
        if stage in done:
            continue
        print(stage, file=speak, flush=True)
        code = _run(stage, photos, votes, int(batch_size), database)
        if code:
            return code
        with journal.open("a") as stream:
            stream.write(stage + "\n")
    return 0


def _run(stage: str, photos: str, votes: str, batch_size: int, database: str) -> int:
    from flows.cli.main import main as salon

    if stage == "rate":
        return rate(os.environ["SALON_ROOT"], database)
    sys.argv = ["salon", *words_of(stage, photos, votes, batch_size)]
    try:
        salon()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
