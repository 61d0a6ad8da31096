"""The demo's simulated raters: a panel with biases and tastes that answers through Label Studio's own API."""

from __future__ import annotations

from collections import Counter

from flows.context import open_run
from flows.labelstudio.panel import rate_as_panel
from flows.simulate import seen_photos
from labeling.protocols.answers import Reply
from labeling.simulation.answers import reply
from labeling.simulation.panel import Mix, panel
from schemas.codes import TaskRole
from schemas.protocols import Protocol
from schemas.ratings import TASKS

SEED = "demo"


def rate_batch(root: str, batch_id: str, raters: int, most: int | None = None) -> int:
    """Let the panel answer a batch; returns how many annotations were submitted.

    Parameters
    ----------
    root : str
        The warehouse.
    batch_id : str
        A batch that was sent.
    raters : int
        Size of the panel; every rater has an account.
    most : int, optional
        Tasks after which a rater stops.
    """
    run = open_run(root)
    rows = run.warehouse.table(TASKS).read().to_pylist()
    tasks = {str(row["task_key"]): row for row in rows if row["batch_id"] == batch_id}
    photos = {key: [photo for photo in (row["photo_id"], row["right_photo_id"]) if photo] for key, row in tasks.items()}
    seen = seen_photos(run, {photo for shown in photos.values() for photo in shown}, SEED, from_ratings=False)
    people = panel(Mix(raters), SEED)
    positions: Counter[int] = Counter()

    def judge(number: int, key: str, protocol: Protocol) -> Reply:
        positions[number] += 1
        return reply(
            protocol,
            people[number],
            [seen[photo] for photo in photos[key]],
            position=positions[number],
            again=tasks[key]["role"] == TaskRole.REPEAT,
            seed=SEED,
        )

    return rate_as_panel(root, batch_id, raters, judge, most)
