"""A photo that arrives later never changes what an existing release contains, however much better it is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.context import open_run
from flows.curate import curate
from flows.release.rebuild import rebuild
from schemas.photos import DUPLICATES
from tests.flows.release.heap import Heap, rows
from warehouse.releases.folder import files_of, sha256_of
from warehouse.releases.verify import verify

SMALL, LARGE = (400, 300), (800, 600)


def detailed(seed: int) -> Image.Image:
    """A picture with shapes of many sizes, as photos have."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((LARGE[1], LARGE[0], 3))
    for side in (8, 20, 50, 120):
        noise = rng.normal(size=(side * 3 // 4, side, 3)) * 40
        for channel in range(3):
            plane[..., channel] += np.asarray(Image.fromarray(noise[..., channel]).resize(LARGE))
    return Image.fromarray(np.clip(plane / 2 + 120, 0, 255).astype(np.uint8))


def saved(picture: Image.Image, kind: str = "JPEG", quality: int = 85) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, quality=quality)
    return stream.getvalue()


def bytes_of(folder: Path) -> dict[str, str]:
    return {name: sha256_of(folder / name) for name in files_of(folder)}


@pytest.mark.slow
def test_a_better_copy_that_arrives_later_leaves_the_release_and_its_photo_in_the_next_one(heap: Heap) -> None:
    root = heap.warehouse.location.root
    heap.settings("[filter.rules.resolution]\nat_least = 100\n")
    for seed in range(8):
        (heap.files / f"{seed}.jpg").write_bytes(saved(detailed(seed).resize(SMALL)))
    old = sha256_of(heap.files / "0.jpg")
    curate(root, [str(heap.files)])
    heap.votes(heap.photo_ids())
    heap.score()
    first = heap.made()
    before, released = bytes_of(first), {row["photo_id"]: row for row in rows(first)}
    assert len(released) == 8

    # The same photograph, four times the pixels and hardly compressed: it leads the group from now on.
    better = heap.files / "0 from the camera.png"
    better.write_bytes(saved(detailed(0), "PNG"))
    newcomer = sha256_of(better)
    curate(root, [str(heap.files)])
    groups = {row["photo_id"]: row for row in heap.warehouse.table(DUPLICATES).read().to_pylist()}
    assert set(groups) == {old, newcomer} and groups[old]["representative_id"] == newcomer
    kept = {row["photo_id"] for row in heap.warehouse.query("SELECT photo_id FROM kept").to_pylist()}
    assert newcomer in kept and old not in kept

    assert bytes_of(first) == before and verify(first).faults == []
    assert "the same bytes" in rebuild(open_run(root), "beauty", "1.0.0").notes[0]

    # Nobody has voted on the newcomer: the next version shows the photo that was rated, and says it has a copy.
    outcome = heap.publish()
    second = Path(outcome.files["release"])
    again = {row["photo_id"]: row for row in rows(second)}
    assert again.keys() == released.keys()
    assert {photo for photo in again if again[photo] != released[photo]} == {old}
    assert again[old]["near_copies"] == 2 and again[old]["image"] == released[old]["image"]
    assert "Photos: 0 came, 0 went" in (second / "CHANGES.md").read_text()

    # With more votes than the old photo has, it still does not take the place of a member.
    heap.votes([newcomer], raters=9, seed=1)
    heap.score()
    third = heap.made()
    last = {row["photo_id"]: row for row in rows(third)}
    assert last.keys() == released.keys()
    for column in ("split", "group_id", "first_version", "mos", "n", "image"):
        assert {photo: row[column] for photo, row in last.items()} == {
            photo: row[column] for photo, row in released.items()
        }
    votes = [row for row in rows(third, "ratings") if row["photo_id"] == newcomer]
    assert len(votes) == 9 and {row["released_photo_id"] for row in votes} == {old}
    assert bytes_of(first) == before and verify(second).faults == verify(third).faults == []
