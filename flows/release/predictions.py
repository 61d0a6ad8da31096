"""What a new version does to a model's predictions: SRCC and PLCC before and after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from flows.release.compare import LEAST_FOR_CORRELATION, rank_correlation


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
