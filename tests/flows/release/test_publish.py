"""From tables to a version that never changes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from flows.publish import publish
from schemas.errors import BadInput
from tests.flows.release.heap import Heap, picture, rows
from warehouse.releases.folder import files_of, sha256_of
from warehouse.releases.verify import verify


def test_a_release_holds_every_photo_with_its_scores_and_verifies(rated: Heap) -> None:
    photo_ids = rated.photo_ids()
    folder = Path(publish(root=rated.warehouse.location.root, name="beauty").files["release"])
    assert folder.name == "1.0.0"
    found = rows(folder)
    assert {row["photo_id"] for row in found} == set(photo_ids)
    assert all(row["n"] == 6 and sum(row["histogram"]) == 6 for row in found)
    assert {row["split"] for row in found} == {"train", "validation", "test"}
    assert len(rows(folder, "ratings")) == 40 * 6
    proof = verify(folder)
    assert proof.faults == [] and proof.files > 8


def test_pictures_are_the_originals_pixels_without_metadata_or_file_name(heap: Heap) -> None:
    heap.ready(20)
    originals = {sha256_of(path): path.read_bytes() for path in heap.files.iterdir()}
    for row in rows(heap.made()):
        image = row["image"]
        assert image["path"] == f"{row['photo_id']}.jpg"
        before = Image.open(io.BytesIO(originals[str(row["photo_id"])]))
        after = Image.open(io.BytesIO(image["bytes"]))
        assert np.array_equal(np.asarray(before), np.asarray(after))
        upright = ImageOps.exif_transpose(after)
        assert upright.size == (row["width"], row["height"]) == ImageOps.exif_transpose(before).size
        assert b"Artist" not in image["bytes"] and not after.getexif().get_ifd(0x8825)


def test_publishing_again_says_that_nothing_has_changed_and_makes_nothing(heap: Heap) -> None:
    heap.ready(12)
    folder = heap.made()
    before = {name: sha256_of(folder / name) for name in files_of(folder)}
    versions = {name: table.version for name, table in heap.warehouse.tables.items()}
    outcome = heap.publish()
    assert "nothing has changed since 1.0.0" in outcome.notes
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == ["1.0.0"]
    assert {name: sha256_of(folder / name) for name in files_of(folder)} == before
    assert {name: table.version for name, table in heap.warehouse.tables.items()} == versions


def test_more_photos_and_ratings_make_a_minor_version_in_which_nothing_moved(heap: Heap) -> None:
    heap.ready(30)
    first = heap.made()
    heap.ready(5, start=100)
    second = heap.made()
    assert second.name == "1.1.0"
    before = {row["photo_id"]: (row["split"], row["first_version"]) for row in rows(first)}
    after = {row["photo_id"]: (row["split"], row["first_version"]) for row in rows(second)}
    assert {photo_id: after[photo_id] for photo_id in before} == before
    assert sorted(version for _, version in after.values()) == ["1.0.0"] * 30 + ["1.1.0"] * 5
    changes = (second / "CHANGES.md").read_text()
    assert "Photos: 5 came, 0 went" in changes and "Ratings: 30 came, 0 went" in changes and "## 1.0.0" in changes
    for split in ("train", "validation", "test"):  # those released before come first, in their order
        old = [row["photo_id"] for row in rows(first) if row["split"] == split]
        assert [row["photo_id"] for row in rows(second) if row["split"] == split][: len(old)] == old


def test_a_rated_near_copy_is_released_instead_of_its_unrated_representative(heap: Heap) -> None:
    photo_ids = heap.ready(10)
    better = heap.photo(picture(500, size=(200, 150)))
    heap.group(better, [photo_ids[0]])
    heap.keep([better])
    heap.keep([photo_ids[0]])
    found = {row["photo_id"]: row for row in rows(heap.made())}
    assert photo_ids[0] in found and better not in found
    assert found[photo_ids[0]]["near_copies"] == 2


def test_votes_on_a_near_copy_stand_in_the_ratings_beside_the_photo_released(heap: Heap) -> None:
    photo_ids = heap.ready(10)
    heap.group(photo_ids[0], [photo_ids[1]])
    folder = heap.made()
    assert {row["photo_id"] for row in rows(folder)} == set(photo_ids) - {photo_ids[1]}
    votes = rows(folder, "ratings")
    assert len(votes) == 60
    assert {row["released_photo_id"] for row in votes if row["photo_id"] == photo_ids[1]} == {photo_ids[0]}


def test_with_nothing_to_publish_the_missing_stage_is_named(heap: Heap) -> None:
    with pytest.raises(BadInput, match="table photos is empty"):
        heap.made()
    photo_ids = heap.photos(range(4))
    with pytest.raises(BadInput, match="salon filter"):
        heap.made()
    heap.keep(photo_ids)
    with pytest.raises(BadInput, match="import-ratings"):
        heap.made()
