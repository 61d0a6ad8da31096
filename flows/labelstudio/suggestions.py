"""A model's predictions as suggestions to raters: only where the protocol allows it, and never without a record."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from flows.context import Run
from flows.labelstudio.studies import Study
from flows.predictions import read_predictions
from schemas.errors import WrongUse
from schemas.ratings import SENT_TASKS, SUGGESTIONS, Suggestion


def record_suggestions(run: Run, study: Study, file: str) -> int:
    """Write down what raters of a batch will be shown as a model's answer; returns how many tasks have none.

    Parameters
    ----------
    file : str
        A prediction file: CSV or Parquet with the columns photo_id and score, in units of the protocol's scale.

    Raises
    ------
    WrongUse
        The protocol does not allow suggestions or compares photos, or the batch was sent without them.
    BadInput
        The file is no prediction file.
    """
    name, protocol = study.batch.protocol, study.protocol
    if not protocol.allow_predictions:
        raise WrongUse(
            f"the protocol '{name}' allows no suggestions, since they pull raters towards the model; a protocol of "
            "your own may have `allow_predictions = true`, and its votes are then kept apart by its version."
        )
    if protocol.is_comparison:
        raise WrongUse(f"the protocol '{name}' compares photos; suggestions are scores of single ones.")
    scale = protocol.scale
    tasks = study.tasks
    model = f"{Path(file).name} {_digest(Path(file))}"
    made = []
    known = read_predictions(Path(file))
    for task in tasks:
        if task.photo_id in known:
            score = known[task.photo_id]
            value = min(max(math.floor(score + 0.5), scale.low), scale.high)
            made.append(Suggestion(task_key=task.task_key, value=value, model=model, suggested_at=datetime.now(UTC)))
    _refuse_changes(run, study, {row.task_key: (row.value, row.model) for row in made})
    run.warehouse.table(SUGGESTIONS).insert(made)
    return len(tasks) - len(made)


def _refuse_changes(run: Run, study: Study, wanted: dict[str, tuple[float, str]]) -> None:
    """What raters have been shown, or not, stays."""
    keys = pa.table({"task_key": pa.array([task.task_key for task in study.tasks], pa.string())})
    known = run.warehouse.query(
        f"SELECT task_key, value, model FROM {SUGGESTIONS.name} SEMI JOIN keys USING (task_key)", extra={"keys": keys}
    ).to_pylist()
    if known:
        if {row["task_key"]: (row["value"], row["model"]) for row in known} != wanted:
            raise WrongUse(f"batch '{study.batch.batch_id}' has the suggestions of {known[0]['model']} already.")
        return
    sent = run.warehouse.query(
        f"SELECT count(*) AS n FROM {SENT_TASKS.name} SEMI JOIN keys USING (task_key)", extra={"keys": keys}
    )
    if sent["n"][0].as_py():
        raise WrongUse(f"batch '{study.batch.batch_id}' was sent without suggestions; choose another batch for them.")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""
