"""Decoding ahead: in order, bounded, and with a sentence for every picture that fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from curation.embedding.loader import embed_pictures
from curation.embedding.protocol import Prepared, Space, Vectors, normalised
from schemas.errors import BadInput


class Lengths:
    """An embedder whose vector says how long a picture's file is."""

    batch = 4

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.embedded = 0

    @property
    def space(self) -> Space:
        return Space("lengths", 2, "", "float32", "lengths", text=False)

    def prepare(self, picture: bytes) -> Prepared:
        if not picture:
            raise BadInput("the picture cannot be decoded")
        return np.array([len(picture), 1.0])

    def collate(self, prepared: Sequence[Prepared]) -> Any:
        return np.stack(prepared)

    def embed(self, batch: Any) -> Vectors:
        self.embedded += len(batch)
        return normalised(batch)


@pytest.mark.parametrize("ahead", [0, 1, 3])
@pytest.mark.parametrize("count", [0, 1, 4, 23])
def test_every_picture_comes_out_once_and_in_order(ahead: int, count: int) -> None:
    pictures = [(f"{k:04d}", bytes(k)) for k in range(1, count + 1)]
    batches = list(embed_pictures(Lengths(ahead), pictures, workers=3))
    assert [photo_id for batch in batches for photo_id in batch.photo_ids] == [p for p, _ in pictures]
    vectors = np.concatenate([batch.vectors for batch in batches]) if batches else np.empty((0, 2))
    assert np.allclose(vectors, normalised(np.array([[len(d), 1.0] for _, d in pictures]).reshape(-1, 2)))


@pytest.mark.parametrize("ahead", [0, 2])
def test_pictures_that_cannot_be_decoded_cost_only_themselves(ahead: int) -> None:
    pictures = [(str(k), b"" if k in (1, 4, 5, 6, 7) else b"x") for k in range(10)]
    batches = list(embed_pictures(Lengths(ahead), pictures, workers=2))
    assert [p for batch in batches for p in batch.photo_ids] == ["0", "2", "3", "8", "9"]
    assert [p for batch in batches for p, _ in batch.failed] == ["1", "4", "5", "6", "7"]
    assert all("cannot be decoded" in why for batch in batches for _, why in batch.failed)


@pytest.mark.parametrize("ahead", [0, 2])
def test_pictures_are_drawn_no_faster_than_they_are_used(ahead: int) -> None:
    embedder = Lengths(ahead)
    drawn = 0

    def source() -> Iterator[tuple[str, bytes]]:
        nonlocal drawn
        for k in range(100):
            drawn += 1
            yield str(k), b"x"

    for _ in embed_pictures(embedder, source(), workers=2):
        assert drawn - embedder.embedded <= embedder.batch * max(ahead, 1)
    assert drawn == embedder.embedded == 100
