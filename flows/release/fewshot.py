"""The configuration `fewshot` as a table."""

from __future__ import annotations

import pyarrow as pa

from flows.release.wide import Axis
from labeling.fewshot import Vote, episodes
from schemas.codes import RatingStatus, Split, TaskRole
from schemas.settings.publish import PublishSettings

RATERS_IN = {Split.TRAIN.value: 0.6, Split.VALIDATION.value: 0.1, Split.TEST.value: 0.3}
"""Share of the raters per split; test has fewer photos per rater, and so needs more raters."""

SCHEMA = pa.schema(
    [
        ("episode_id", pa.string()),
        ("split", pa.string()),
        ("rater_id", pa.string()),
        ("question", pa.string()),
        ("scale", pa.string()),
        ("shots", pa.int64()),
        ("support_photo_ids", pa.list_(pa.string())),
        ("support_values", pa.list_(pa.float64())),
        ("query_photo_ids", pa.list_(pa.string())),
        ("query_values", pa.list_(pa.float64())),
    ]
)


def fewshot_table(ratings: pa.Table, axis: Axis, settings: PublishSettings) -> pa.Table:
    """Episodes over the release's own question, from `inputs/ratings.parquet`."""
    votes = [
        Vote(row["rater_id"], row["photo_id"], row["group_id"], row["split"], row["value"])
        for row in ratings.to_pylist()
        if row["status"] == RatingStatus.COUNTED
        and row["role"] != TaskRole.TRAINING
        and row["value"] is not None
        and (row["question"], row["scale"]) == (axis.question, axis.scale)
        and row["photo_id"] == row["released_photo_id"]
    ]
    found = episodes(votes, settings.fewshot_shots, settings.fewshot_least_query, settings.seed, RATERS_IN)
    rows = [
        {
            "episode_id": e.episode_id,
            "split": e.split,
            "rater_id": e.rater_id,
            "question": axis.question,
            "scale": axis.scale,
            "shots": e.shots,
            "support_photo_ids": [photo_id for photo_id, _ in e.support],
            "support_values": [value for _, value in e.support],
            "query_photo_ids": [photo_id for photo_id, _ in e.query],
            "query_values": [value for _, value in e.query],
        }
        for e in found
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
