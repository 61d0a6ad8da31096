"""Photo_ids are found where they stand, whatever they look like."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from warehouse import places as module
from warehouse.places import Places, as_arrow, id_texts


def checksums(count: int) -> list[str]:
    return sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in range(count))


@pytest.mark.parametrize("names", [checksums(500), ["a", "b", "photo-3"], [*checksums(3), "x" * 70]])
def test_every_id_has_its_place_and_others_have_none(names: list[str]) -> None:
    ids = id_texts(pa.array(names))
    places = Places(ids)
    shuffled = np.random.default_rng(0).permutation(len(names))
    asked = id_texts(pa.array([names[place] for place in shuffled] + ["nobody", "0" * 64]))
    assert places.of(asked).tolist() == [*shuffled.tolist(), -1, -1]
    assert as_arrow(ids).to_pylist() == names


def test_ids_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_hashes", lambda ids: np.zeros(len(ids), np.uint64))
    names = checksums(20)
    assert Places(id_texts(pa.array(names))).of(id_texts(pa.array([names[7], "0" * 64]))).tolist() == [7, -1]


def test_a_slice_of_a_column_and_no_photo_at_all() -> None:
    names = checksums(10)
    assert id_texts(pa.array(names).slice(3, 4)).tolist() == [name.encode() for name in names[3:7]]
    nothing = Places(id_texts(pa.array([], pa.string())))
    assert nothing.of(id_texts(pa.array(names))).tolist() == [-1] * 10
    assert len(as_arrow(nothing.ids)) == 0
