"""The rows that remember releases; made from the folders, so that a kill between folder and row costs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType

from flows.context import Run
from schemas.releases import MEMBERS, RELEASES, Member, Release
from warehouse.filesystem import Location
from warehouse.releases.folder import MANIFEST, NAME_FORM, check_name, sha256_of
from warehouse.releases.manifest import read_manifest
from warehouse.releases.shelf import Shelf, opened, sole

RELEASED, DRAFT, WITHDRAWN = "released", "draft", "withdrawn"


def releases_location(run: Run) -> Location:
    """Where all datasets stand: the folder or address of the settings, else `releases/` under the warehouse."""
    return Location.of(run.settings.publish.folder or run.warehouse.location.join("releases"))


@contextmanager
def shelf_of(run: Run, name: str) -> Iterator[Shelf]:
    """The versions of one dataset, wherever they stand."""
    with opened(Location(releases_location(run).join(check_name(name)))) as shelf:
        yield shelf


@contextmanager
def sole_shelf(run: Run, name: str) -> Iterator[Shelf]:
    """The versions of one dataset, to be changed; raises WrongUse where another publish is at work on them."""
    with shelf_of(run, name) as shelf, sole(shelf, run.warehouse.location, name):
        reconcile(run, name, shelf)
        yield shelf


def dataset_names(run: Run) -> list[str]:
    """Names of all datasets that have a folder, in order."""
    files = releases_location(run).filesystem()
    found = files.get_file_info(FileSelector("", allow_not_found=True))
    names = (info.base_name for info in found if info.type == FileType.Directory)
    return sorted(name for name in names if NAME_FORM.fullmatch(name))


def reconcile(run: Run, name: str, shelf: Shelf) -> int:
    """Write the rows of versions that a killed publish left without; returns how many."""
    known = {row["version"] for row in release_rows(run, name) if row["state"] != DRAFT}
    late = [version for version in shelf.versions() if version not in known]
    for version in late:
        register(run, shelf.rows_of(version), RELEASED, newest=version == shelf.versions()[-1])
    return len(late)


def release_rows(run: Run, name: str) -> list[dict[str, Any]]:
    """The rows of a dataset's versions."""
    rows = run.warehouse.query("SELECT * FROM releases WHERE name = $1", [check_name(name)])
    return list(rows.to_pylist())


def register(run: Run, version_folder: Path, state: str, approved_by: str | None = None, newest: bool = True) -> None:
    """Write the rows of one version: its members first, so that a version with a row has all its members.

    Only the newest version decides about places: an older line's redacted successor keeps splits of its own.
    """
    manifest = read_manifest(version_folder)
    name, version = manifest["name"], manifest["version"]
    if state != DRAFT and newest:
        _remember_members(run, version_folder, name, version)
    counts = manifest["counts"]
    row = Release(
        name=name,
        version=version,
        state=state,
        manifest_sha256=sha256_of(version_folder / MANIFEST),
        inputs_digest=manifest["inputs_digest"],
        photos=counts["photos"],
        ratings=counts["ratings"],
        table_versions=json.dumps({t: table.version for t, table in sorted(run.warehouse.tables.items())}),
        gates=json.dumps(manifest["gates"], sort_keys=True),
        approved_by=approved_by,
        published_at=datetime.now(UTC),
    )
    run.warehouse.table(RELEASES).replace([row], where=f"name = '{check_name(name)}' AND version = '{version}'")


def _remember_members(run: Run, version_folder: Path, name: str, version: str) -> None:
    """Members of this version with their places; those of earlier versions that left keep theirs."""
    photos = pq.read_table(
        version_folder / "inputs" / "photos.parquet",
        columns=["photo_id", "first_version", "ordinal", "split", "group_id"],
    ).to_pylist()
    members: dict[str, Member] = {
        row["photo_id"]: Member(
            release=name,
            photo_id=row["photo_id"],
            first_version=row["first_version"],
            ordinal=row["ordinal"],
            split=row["split"],
            group_id=row["group_id"],
        )
        for row in photos
    }
    for row in run.warehouse.query("SELECT * FROM members WHERE release = $1", [name]).to_pylist():
        members.setdefault(row["photo_id"], Member(**row))
    rows: list[Member] = sorted(members.values(), key=lambda member: member.ordinal)
    run.warehouse.table(MEMBERS).replace(rows, where=f"release = '{check_name(name)}'")
