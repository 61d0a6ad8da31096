"""What a new version does to a model's predictions: SRCC and PLCC before and after."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.release.compare import LEAST_FOR_CORRELATION, rank_correlation
from schemas.errors import BadInput


def read_predictions(path: Path) -> dict[str, float]:
    """A CSV or Parquet file with the columns photo_id and score (or prediction).

    Raises
    ------
    BadInput
        Names file, line and field.
    """
    if path.suffix == ".parquet":
        rows = list(pq.read_table(path).to_pylist())
    else:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    found: dict[str, float] = {}
    for line, row in enumerate(rows, start=2):
        value = row.get("score", row.get("prediction"))
        if not row.get("photo_id") or value is None:
            raise BadInput("no prediction", where=str(path), line=line, expected="columns photo_id and score")
        try:
            found[str(row["photo_id"])] = float(value)
        except ValueError as error:
            raise BadInput("no number", where=str(path), line=line, field="score", got=repr(value)) from error
    return found


def agreement(predictions: dict[str, float], rows: pa.Table) -> dict[str, Any]:
    """How well predictions agree with the scores of one version, per split and over all.

    Returns
    -------
    dict of split to {photos, srcc, plcc}
        Spearman's and Pearson's correlation; None where there are too few photos.
    """
    table = rows.select(["photo_id", "split", "score"]).to_pylist()
    found = {}
    for split in ("all", *sorted({row["split"] for row in table})):
        pairs = [
            (predictions[row["photo_id"]], row["score"])
            for row in table
            if split in ("all", row["split"]) and row["score"] is not None and row["photo_id"] in predictions
        ]
        mine, theirs = [a for a, _ in pairs], [b for _, b in pairs]
        srcc = rank_correlation(mine, theirs)
        enough = srcc is not None and len(pairs) >= LEAST_FOR_CORRELATION
        plcc = float(np.corrcoef(mine, theirs)[0, 1]) if enough else None
        found[split] = {"photos": len(pairs), "srcc": srcc, "plcc": plcc}
    return found
