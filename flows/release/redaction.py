"""Versions without what was taken down: which hold it, their redacted successors, and their withdrawal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.context import Run
from flows.release.build import Material, read_material, write_pictures, write_rest
from flows.release.compare import changes_text, compare, next_version
from flows.release.pictures import FromVersion
from flows.release.plan import anonymous, certify, rows_digest
from flows.release.register import RELEASED, WITHDRAWN, register, release_rows
from flows.release.rescoring import score_anew
from flows.secret_keys import pseudonym_key
from labeling.anonymity import Pseudonyms
from schemas.releases import RELEASES, Release
from schemas.settings.publish import Pseudonyms as PseudonymChoice
from warehouse.releases.folder import DRAFTS, begin, version_key
from warehouse.releases.manifest import read_manifest
from warehouse.releases.shelf import Shelf

PHOTO_IN = ("photo_id", "released_photo_id", "left_id", "right_id")
RATER_IN = ("rater_id",)


@dataclass(frozen=True)
class Target:
    """What has to go: photos, or one rater."""

    photo_ids: tuple[str, ...] = ()
    rater_id: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Withdrawn:
    """What became of the versions of one dataset: each withdrawn one with its successor, empty for none."""

    name: str
    successors: dict[str, str]


def published_rater(run: Run, name: str, rater_id: str) -> str:
    """A rater's name in the versions of a dataset."""
    own = run.settings.publish.pseudonyms is PseudonymChoice.RELEASE
    return Pseudonyms(pseudonym_key(run.root)[0], name if own else "").rater(rater_id)


def gone_from(run: Run, name: str, target: Target) -> tuple[tuple[str, ...], list[str]]:
    """The columns of a release in which the target would stand, and the values it would have there."""
    if target.rater_id:
        # Both names: the setting may have been another when an older version was made.
        return RATER_IN, sorted({published_rater(run, name, target.rater_id), target.rater_id})
    return PHOTO_IN, list(target.photo_ids)


def holds(run: Run, name: str, version_folder: Path, target: Target) -> bool:
    """Whether a version holds the photos (released, or voted on as near copies) or the rater."""
    columns, values = gone_from(run, name, target)
    wanted = pa.array(values, pa.string())
    for path in sorted((version_folder / "inputs").glob("*.parquet")):
        there = [column for column in columns if column in pq.read_schema(path).names]
        rows = pq.read_table(path, columns=there)
        if any(pc.any(pc.is_in(rows[column], wanted)).as_py() for column in there):
            return True
    return False


def remove_from(run: Run, name: str, shelf: Shelf, target: Target) -> Withdrawn:
    """Withdraw every version of a dataset that holds the target; drafts that hold it are deleted.

    Each line of versions (those of one major number: one meaning, one set of splits) gets a redacted successor of
    its newest version, under the next number of that line.
    """
    for version in shelf.drafts():
        if holds(run, name, shelf.rows_of(f"{DRAFTS}/{version}"), target):
            shelf.drop(f"{DRAFTS}/{version}")
            run.warehouse.table(RELEASES).delete(f"name = '{name}' AND version = '{version}' AND state = 'draft'")
    found = [version for version in shelf.versions() if holds(run, name, shelf.rows_of(version), target)]
    successors: dict[str, str] = {}
    for line in _lines(found):
        newest = [version for version in shelf.versions() if version_key(version)[0] == line][-1]
        successor = _succeed(run, name, shelf, newest, target) if newest in found else newest
        for version in found:
            if version_key(version)[0] == line:
                successors[version] = successor
    for version in found:
        _withdraw(run, name, shelf, version, successors[version], target)
    shelf.sweep()
    return Withdrawn(name, successors)


def _lines(found: list[str]) -> Iterator[int]:
    yield from sorted({version_key(version)[0] for version in found})


def _succeed(run: Run, name: str, shelf: Shelf, version: str, target: Target) -> str:
    """Write the redacted successor of a version, from what it holds itself; empty where nothing would be left."""
    folder = shelf.whole(version)
    before = read_material(folder, read_manifest(folder))
    after = _redacted(run, name, before, target)
    if not after.tables["photos"].num_rows:
        return ""
    after.facts["question_before"] = read_manifest(folder)["question"]
    after.facts["certificate"] = certify(run, after.tables["photos"], before.settings)[0]
    after.digest = rows_digest(after.tables, before.settings, before.method)
    difference = compare(before, after)
    newest = version == shelf.versions()[-1]
    after.version = next_version(version, difference, taken=[*shelf.versions(), *shelf.withdrawn()])
    # The older text may tell of single photos: a redacted version begins its changes anew.
    photos = after.tables["photos"].num_rows
    after.facts["changes"] = changes_text(after.version, version, difference, photos, "")
    temporary = begin(shelf.folder, after.version)
    write_rest(write_pictures(temporary, after, FromVersion(folder)))
    register(run, shelf.finish(temporary, after.version), RELEASED, newest=newest)
    return after.version


def _redacted(run: Run, name: str, before: Material, target: Target) -> Material:
    """The same without the target's rows; after a rater went, scored and made anonymous anew."""
    columns, values = gone_from(run, name, target)
    gone = pa.array(values, pa.string())
    tables = {}
    for table, rows in before.tables.items():
        for column in columns:
            if column in rows.column_names:
                rows = rows.filter(pc.invert(pc.is_in(rows[column], gone)))
        tables[table] = rows
    facts = {**before.facts, "redacted": True}
    after = replace(before, tables=tables, facts=facts, previous=before.version, unreadable={})
    if target.rater_id and "ratings" in tables:
        score_anew(after, run.settings.score)
    if target.rater_id and "raters" in tables:
        tables["raters"] = anonymous(tables["raters"], before.settings.k_anonymity)
    return after


def _withdraw(run: Run, name: str, shelf: Shelf, version: str, successor: str, target: Target) -> None:
    names = Pseudonyms(pseudonym_key(run.root)[0], name)
    gone = [names.photo(p) for p in target.photo_ids] or [names.photo(target.rater_id)]
    shelf.withdraw(
        version,
        {
            "name": name,
            "version": version,
            "withdrawn": gone,
            "reason": target.reason or "takedown",
            "successor": successor or None,
            "note": "This version was withdrawn: its bytes were deleted. Please delete your copies and use the "
            "successor.",
        },
    )
    rows = [row for row in release_rows(run, name) if row["version"] == version]
    changed = [Release(**{**row, "state": WITHDRAWN, "withdrawn": target.reason or "takedown"}) for row in rows]
    run.warehouse.table(RELEASES).replace(changed, where=f"name = '{name}' AND version = '{version}'")
