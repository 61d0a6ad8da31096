"""The part of a batch that a head asks for: what would teach it most about the whole collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from flows.context import Run
from flows.selection.pool import Candidates
from labeling.design.stimuli import Stimulus
from labeling.learning.choosing import LEVELS
from labeling.learning.informed import informed_rows
from labeling.learning.saving import from_bytes
from labeling.selection.choose import Vectors
from labeling.selection.pool import Ints, permanent_numbers
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
    numbers = np.concatenate(
        [permanent_numbers(ids, f"{seed}/informed") for ids in (pool.pool.photo_ids, pool.elsewhere)]
    )
    found = informed_rows(head, _of_all(pool, pool.vectors), numbers, _may_be_asked_for(run, pool), count)
    return [
        Stimulus(
            (pool.pool.photo_ids[row],),
            TaskRole.RATE,
            SELECTED_BY_MODEL,
            1.0,
            f"predicted score {level + 1}/{LEVELS}",
        )
        for row, level in zip(found.rows.tolist(), found.level.tolist(), strict=True)
    ]


def _of_all(pool: Candidates, vectors: Vectors) -> Vectors:
    """Vectors of candidates and, after them, of the kept photos that are in other batches."""
    inside, elsewhere = len(pool.pool), pool.elsewhere_vectors

    def of(rows: Ints) -> npt.NDArray[np.float32]:
        ours, others = rows < inside, rows >= inside
        if elsewhere is None or not others.any():
            return vectors(rows)
        first, second = vectors(rows[ours]), elsewhere(rows[others] - inside)
        found = np.zeros((len(rows), max(first.shape[1], second.shape[1])), np.float32)
        found[np.flatnonzero(ours), : first.shape[1]] = first
        found[np.flatnonzero(others), : second.shape[1]] = second
        return found

    return of


def _may_be_asked_for(run: Run, pool: Candidates) -> npt.NDArray[np.bool_]:
    """Candidates in no release: what a test split holds already must not get a model's choice of votes.

    The others count among what is to be predicted, and are not asked for.
    """
    released = set(run.warehouse.query("SELECT DISTINCT photo_id FROM members")["photo_id"].to_pylist())
    free = np.zeros(len(pool.pool) + len(pool.elsewhere), np.bool_)
    free[: len(pool.pool)] = np.fromiter(
        (photo not in released for photo in pool.pool.photo_ids), np.bool_, len(pool.pool)
    )
    return free
