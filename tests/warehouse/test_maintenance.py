"""Upkeep puts files together and removes old ones, and every version that a release pins stays readable."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.photos import FINGERPRINTS, Fingerprint
from schemas.releases import RELEASES, Release
from warehouse.insertion import Insertion
from warehouse.maintenance import maintain_table, pinned_versions
from warehouse.store import Warehouse


def release(versions: dict[str, int], **changes: object) -> Release:
    fields: dict[str, object] = {
        "name": "beauty", "version": "1.0.0", "state": "released", "manifest_sha256": "", "inputs_digest": "",
        "photos": 0, "ratings": 0, "table_versions": json.dumps(versions), "gates": "{}",
        "published_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return Release(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any change


def fingerprint(number: int) -> Fingerprint:
    return Fingerprint(photo_id=f"{number:064x}", method="phash64@1", bits=number.to_bytes(8, "big"))


def test_pinned_versions_survive_compaction_and_vacuum_and_others_go(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    table = warehouse.table(FINGERPRINTS)
    for number in range(6):
        table.insert([fingerprint(number)])
    pinned = 3
    warehouse.table(RELEASES).replace(
        [release({"fingerprints": pinned}), release({"fingerprints": 5}, version="0.9.0", state="withdrawn")]
    )
    digest = table.digest()
    before = table.read(["photo_id"], version=pinned).sort_by("photo_id")
    table.replace([fingerprint(9)])  # the six files are needed by old versions alone now

    pins = pinned_versions(warehouse)["fingerprints"]
    assert pins == {pinned}, "a withdrawn version pins nothing"
    done = maintain_table(table, pins, retention_hours=0, least_files=2)

    assert table.read(["photo_id"], version=pinned).sort_by("photo_id").equals(before)
    assert done.files_removed == 3, "files of rows 3 to 5 belong to no pinned version"
    with pytest.raises(FileNotFoundError):
        table.read(version=6)
    assert digest != table.digest()


def test_a_file_that_a_killed_insertion_left_goes_once_it_is_old_and_nothing_else_does(tmp_path: Path) -> None:
    table = Warehouse.create(tmp_path).table(FINGERPRINTS)
    table.insert([fingerprint(0)])
    insertion = Insertion(table)
    insertion.add([fingerprint(1)])
    insertion._file.close()  # what a kill before the commit leaves
    folder = tmp_path / "tables" / "fingerprints"
    assert len(list(folder.glob("*.parquet"))) == 2
    maintain_table(table, set(), retention_hours=1, least_files=2)
    assert len(list(folder.glob("*.parquet"))) == 2, "a writer may still be at work on it"
    for file in folder.glob("*.parquet"):
        os.utime(file, (0, 0))
    assert maintain_table(table, set(), retention_hours=1, least_files=2).files_removed == 1
    assert table.count() == 1


def test_compaction_changes_no_row_and_inserts_go_on(tmp_path: Path) -> None:
    table = Warehouse.create(tmp_path).table(FINGERPRINTS)
    for number in range(5):
        table.insert([fingerprint(number)])
    digest = table.digest()
    done = maintain_table(table, set(), retention_hours=0, least_files=2)
    assert (done.files_before, done.files_after) == (5, 1)
    assert table.digest() == digest
    assert table.insert([fingerprint(4), fingerprint(5)]) == 1
