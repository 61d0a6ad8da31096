"""The part of a batch that a head asks for: what would teach it most about the whole pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flows.context import Run
from flows.selection.pool import Candidates
from labeling.design.stimuli import Stimulus
from labeling.learning.informed import BINS, informed_rows
from labeling.learning.saving import from_bytes
from labeling.selection.pool import Ints, ids_of, permanent_numbers
from schemas.codes import TaskRole
from schemas.errors import WrongUse
from schemas.ratings import SELECTED_BY_MODEL
from schemas.settings import StudySettings


def informed_part(run: Run, pool: Candidates, study: StudySettings, wanted: int, seed: str) -> list[Stimulus]:
    """The photos that the settings' head asks for; none without a head.

    They are a function of pool, head and seed, so that each is there with probability 1, as the diverse part is.

    Raises
    ------
    WrongUse
        There is no such head, or it belongs to another model than the pool's vectors.
    BadInput
        The file is no head.
    """
    count = round(study.informed_share * wanted) if study.head else 0
    if not count or not len(pool.pool):
        return []
    file = Path(study.head).expanduser()
    if not file.is_absolute() and run.warehouse.location.is_local:
        file = run.warehouse.location.local(study.head)
    if not file.is_file():
        raise WrongUse(f"[study] head: there is no file {file}; `salon learn NAME VERSION` writes heads.")
    head = from_bytes(file.read_bytes(), str(file))
    if pool.vectors is None or head.about["model"] != pool.space:
        raise WrongUse(
            f"[study] head: {file.name} belongs to {head.about['model']}, the photos' vectors are of {pool.space}; "
            "run `salon embed` with the head's model, or name another head."
        )
    free = _never_released(run, pool)
    vectors = pool.vectors
    numbers = permanent_numbers(ids_of(pool.pool.photo_ids, free), f"{seed}/informed")
    found = informed_rows(head, lambda rows: vectors(free[rows]), numbers, count)
    return [
        Stimulus(
            (pool.pool.photo_ids[int(free[row])],),
            TaskRole.RATE,
            SELECTED_BY_MODEL,
            1.0,
            f"predicted score {level + 1}/{BINS}",
        )
        for row, level in zip(found.rows.tolist(), found.level.tolist(), strict=True)
    ]


def _never_released(run: Run, pool: Candidates) -> Ints:
    """Rows of photos in no release: what a test split holds already must not get a model's choice of votes."""
    released = set(run.warehouse.query("SELECT DISTINCT photo_id FROM members")["photo_id"].to_pylist())
    return np.array([row for row, photo in enumerate(pool.pool.photo_ids) if photo not in released], dtype=np.int64)
