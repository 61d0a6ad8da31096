"""The mapped matrix: exact search, grown with the table, whole after a kill."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from schemas.photos import EMBEDDINGS, Embedding
from warehouse.store import Warehouse
from warehouse.vectors import VectorMatrix, nearest, open_vectors, vectors_of

MODEL = "open_clip:test/model"


def photo_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def vector(number: int, dimensions: int = 12) -> list[float]:
    values = np.random.default_rng(number).normal(size=dimensions)
    return [float(v) for v in (values / np.linalg.norm(values)).astype(np.float32)]


def rows(numbers: range, model: str = MODEL) -> list[Embedding]:
    return [
        Embedding(
            photo_id=photo_id(n),
            model=model,
            vector=vector(n, 12 if model == MODEL else 5),
            weights_sha256="",
            precision="float32",
            preprocessing="none",
        )
        for n in numbers
    ]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse.create(tmp_path / "wh")
    made.table(EMBEDDINGS).insert(rows(range(50)))
    made.table(EMBEDDINGS).insert(rows(range(40, 60), model="descriptor@1"))
    return made


def assert_holds(matrix: VectorMatrix, numbers: range) -> None:
    assert len(matrix.vectors) == len(numbers)
    found, there = vectors_of(matrix, [photo_id(n) for n in numbers])
    assert there.all()
    assert np.array_equal(found, np.array([vector(n) for n in numbers], np.float32))


def test_the_matrix_holds_the_vectors_of_one_model_and_grows_with_the_table(warehouse: Warehouse) -> None:
    assert_holds(open_vectors(warehouse, MODEL), range(50))
    warehouse.table(EMBEDDINGS).insert(rows(range(50, 80)))
    matrix = open_vectors(warehouse, MODEL)
    assert_holds(matrix, range(80))
    assert open_vectors(warehouse, "descriptor@1").vectors.shape == (20, 5)
    assert len(open_vectors(warehouse, "open_clip:other").vectors) == 0
    assert matrix.rows_of([photo_id(10**6)]).tolist() == [-1]


@pytest.mark.parametrize("head", [None, b"\x07" * 8])
def test_rows_are_found_even_where_the_first_bytes_of_ids_are_equal(head: bytes | None) -> None:
    ids = np.random.default_rng(1).integers(0, 256, (300, 32), dtype=np.uint8)
    if head:
        ids[40:60, :8] = np.frombuffer(head, np.uint8)
    matrix = VectorMatrix(ids, np.zeros((300, 1), np.float32))
    wanted = [50, 3, 299, 41, 0]
    assert matrix.rows_of(matrix.photo_ids(np.array(wanted))).tolist() == wanted
    absent = (head or ids[7, :8].tobytes()) + bytes(24)
    assert matrix.rows_of([absent.hex(), "ff" * 32, "00" * 32]).tolist() == [-1, -1, -1]
    assert matrix.rows_of([]).tolist() == []


def test_a_kill_in_the_middle_of_writing_leaves_nothing_wrong(warehouse: Warehouse) -> None:
    open_vectors(warehouse, MODEL)
    for file in (warehouse.location.local("derived", "vectors")).rglob("*.bin"):
        with file.open("ab") as stream:
            stream.write(b"half a row")
    warehouse.table(EMBEDDINGS).insert(rows(range(50, 55)))
    assert_holds(open_vectors(warehouse, MODEL), range(55))


def test_rows_that_went_from_the_table_go_from_the_matrix(warehouse: Warehouse) -> None:
    open_vectors(warehouse, MODEL)
    warehouse.table(EMBEDDINGS).delete(f"photo_id = '{photo_id(0)}'")
    assert_holds(open_vectors(warehouse, MODEL), range(1, 50))


def test_the_nearest_are_exact_and_ties_go_by_photo_id() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[1000:1010] = vectors[7]
    ids = np.stack([np.frombuffer(bytes.fromhex(photo_id(n)), np.uint8) for n in range(5000)])
    hits = nearest(VectorMatrix(ids, vectors), vectors[7], 30)
    exact = vectors.astype(np.float64) @ vectors[7].astype(np.float64)
    expected = sorted(range(5000), key=lambda n: (-exact[n], photo_id(n)))[:30]
    assert [hit.photo_id for hit in hits] == [photo_id(n) for n in expected]
    assert [hit.score for hit in hits] == pytest.approx([exact[n] for n in expected])
    assert {hit.photo_id for hit in hits[:11]} == {photo_id(n) for n in (7, *range(1000, 1010))}
    assert len(nearest(VectorMatrix(ids[:3], vectors[:3]), vectors[7], 30)) == 3
    assert nearest(VectorMatrix(ids[:0], vectors[:0]), vectors[7], 30) == []
