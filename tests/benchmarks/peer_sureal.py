"""Runs sureal's own models on votes from a file: started by bench_scores.py with a Python that has sureal.

``PYTHON peer_sureal.py JOB.npz ANSWER.npz`` with numpy below 2 (sureal 0.9 needs it). Nothing of Salon is imported.
Absolute ratings go through sureal's own reader, from the dictionaries that its datasets hold; what the reader alone
takes is told apart. Pairs begin with the matrix of wins.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np


def dataset(photo: Any, rater: Any, value: Any, photos: int) -> Any:
    """Votes as sureal's datasets hold them: a dictionary of scores by rater for each stimulus."""
    votes: list[dict[str, float]] = [{} for _ in range(photos)]
    for one, who, what in zip(photo.tolist(), rater.tolist(), value.tolist(), strict=True):
        votes[one][f"r{who:06}"] = what
    pictures = [{"content_id": n, "asset_id": n, "os": scores, "path": ""} for n, scores in enumerate(votes)]
    originals = [{"content_id": n, "content_name": str(n), "path": ""} for n in range(photos)]
    return SimpleNamespace(dis_videos=pictures, ref_videos=originals, dataset_name="votes")


def absolute(name: str, job: Any) -> tuple[Any, float, float]:
    """Scores by one of sureal's models, seconds of the whole, and of its reader alone."""
    model = getattr(import_module("sureal.subjective_model"), name)
    votes = dataset(job["photo"], job["rater"], job["value"], int(job["photos"]))
    reader = import_module("sureal.dataset_reader").RawDatasetReader(votes)
    began = time.perf_counter()
    reader.opinion_score_3darray  # noqa: B018 - a property that does the reading
    read = time.perf_counter() - began
    began = time.perf_counter()
    found = model(reader).run_modeling()
    return np.asarray(found["quality_scores"]), time.perf_counter() - began, read


def pairs(name: str, job: Any) -> tuple[Any, float, float]:
    """Scores by one of sureal's models of pairs."""
    model = getattr(import_module("sureal.pc_subjective_model"), name)
    wins = np.asarray(job["wins"])
    began = time.perf_counter()
    scores = model.resolve_model(wins, display=False)[0]
    return np.asarray(scores), time.perf_counter() - began, 0.0


def main() -> None:
    """Run one job."""
    job = np.load(sys.argv[1])
    name = str(job["model"])
    run = pairs if "wins" in job else absolute
    with contextlib.redirect_stdout(io.StringIO()):
        scores, seconds, read = run(name, job)
    np.savez(sys.argv[2], scores=scores, seconds=seconds, read=read)


if __name__ == "__main__":
    main()
