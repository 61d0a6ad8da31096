"""`salon takedown`: a photo, or a rater's votes, leave every version and every place that Salon can reach."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from prefect import flow

from curation.blocklist import METHOD, content_hash
from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.release.build import Material, read_material, write_pictures, write_rest
from flows.release.compare import changes_text, compare, next_version
from flows.release.plan import certify, rows_digest
from flows.release.register import RELEASED, WITHDRAWN, register, release_folder, release_rows
from flows.runtime import publish_counts
from flows.secret_keys import pseudonym_key
from labeling.anonymity import Pseudonyms
from schemas.errors import PassingFault, PermanentFault, WrongUse
from schemas.releases import BLOCKLIST, RELEASES, Blocked, Release
from schemas.settings.publish import Pseudonyms as PseudonymChoice
from warehouse.releases import erase, gather
from warehouse.releases.folder import DRAFTS, TOMBSTONE, begin, finish, sole_publisher, versions
from warehouse.releases.manifest import read_manifest
from warehouse.releases.originals import Originals


@dataclass(frozen=True)
class Target:
    """What has to go: photos, or one rater."""

    photo_ids: tuple[str, ...] = ()
    rater_id: str = ""
    reason: str = ""


@flow(name="takedown", flow_run_name="takedown in {root}")
def takedown(root: str, photos: list[str], rater: str = "", reason: str = "", prove: bool = False) -> Outcome:
    """Erase photos or a rater's votes everywhere within reach.

    Parameters
    ----------
    photos : list of str
        photo_ids, URIs or file names.
    rater : str
        Pseudonym in the warehouse, as in the table `ratings`.
    prove : bool
        Only list each place as erased, not held, or out of reach with what to do.
    """
    run = open_run(root)
    target = _target(run, photos, rater, reason, prove)
    if prove:
        return _proof(run, target)
    # What Label Studio and others still hold is known from rows that are about to go.
    places = _out_of_reach(run, target)
    counts = _block(run, target)
    folders = _release_folders(run)
    held = {name: _versions_holding(run, name, folder, target) for name, folder in folders.items()}
    materials = {name: _newest_material(folders[name], found) for name, found in held.items() if found}
    counts |= _erase(run, target)
    notes = []
    for name, found in held.items():
        if not found:
            continue
        with sole_publisher(folders[name]):
            successor = _succeed(run, name, folders[name], materials[name], target)
            for version in found:
                _withdraw(run, name, folders[name], version, successor, target)
            notes.append(
                f"{name}: withdrew {', '.join(found)}" + (f"; {successor} takes its place." if successor else ".")
            )
    erase.forget_history(run.warehouse, ["members", "releases"])
    if target.rater_id:
        notes.append("Scores still rest on the votes that went: run salon score, then salon publish.")
    notes += [f"Out of reach: {place}" for place in places]
    return publish_counts(Outcome(stage="takedown", counts=counts, notes=tuple(notes)))


def _target(run: Run, photos: list[str], rater: str, reason: str, prove: bool) -> Target:
    if bool(photos) == bool(rater):
        raise WrongUse("name photos, or one rater with --rater, and not both.")
    if rater:
        known = run.warehouse.query("SELECT count(*) AS n FROM ratings WHERE rater_id = $1", [rater]).to_pylist()[0][
            "n"
        ]
        if not known and not prove:
            raise WrongUse(f"{rater}: no such rater; expected a pseudonym that stands in the table ratings.")
        return Target(rater_id=rater, reason=reason)
    found = []
    for name in photos:
        rows = run.warehouse.query(
            "SELECT photo_id FROM photos WHERE photo_id = $1 UNION SELECT photo_id FROM sightings "
            "WHERE uri = $1 OR file_name = $1 ORDER BY 1", [name]
        ).to_pylist()  # fmt: skip
        if len(rows) > 1:
            raise WrongUse(f"{name}: {len(rows)} photos have this name; give photo_ids or URIs.")
        if not rows and not (len(name) == 64 and name.isalnum()):  # a takedown that was killed can be run again
            raise WrongUse(f"{name}: no such photo; expected a photo_id, a URI or a file name that was taken in.")
        found.append(str(rows[0]["photo_id"]) if rows else name)
    return Target(photo_ids=tuple(found), reason=reason)


def _block(run: Run, target: Target) -> dict[str, int | float | str]:
    """Put the photos on the block list, so that neither they nor near copies come in again."""
    if not target.photo_ids:
        return {}
    prints = gather.fingerprints(run.warehouse, list(target.photo_ids), METHOD).to_pylist()
    bits = {row["photo_id"]: row["bits"] for row in prints}
    now = datetime.now(UTC)
    rows = [
        Blocked(content_hash=content_hash(p), method=METHOD, bits=bits.get(p), reason=target.reason, blocked_at=now)
        for p in target.photo_ids
    ]
    counts: dict[str, int | float | str] = {"new on the block list": run.warehouse.table(BLOCKLIST).insert(rows)}
    return counts


def _erase(run: Run, target: Target) -> dict[str, int | float | str]:
    columns = erase.RATER_COLUMNS if target.rater_id else erase.PHOTO_COLUMNS
    values = [target.rater_id] if target.rater_id else list(target.photo_ids)
    _delete_in_label_studio(run, target)
    rows = erase.erase_rows(run.warehouse, columns, values)
    files = erase.erase_files(run.warehouse, target.photo_ids) if target.photo_ids else {}
    counts: dict[str, int | float | str] = {f"rows of {name}": count for name, count in rows.items()}
    return counts | {f"files of {name}": count for name, count in files.items() if count}


def _release_folders(run: Run) -> dict[str, Path]:
    base = (
        Path(run.settings.publish.folder) if run.settings.publish.folder else run.warehouse.location.local("releases")
    )
    names = sorted(path.name for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    return {name: release_folder(run, name) for name in names}


def _published_rater(run: Run, name: str, rater_id: str) -> str:
    own = run.settings.publish.pseudonyms is PseudonymChoice.RELEASE
    return Pseudonyms(pseudonym_key(run.root)[0], name if own else "").rater(rater_id)


def _holds(run: Run, name: str, folder: Path, target: Target) -> bool:
    """Whether a version holds the photo (released, or voted on as a near copy) or the rater."""
    if target.rater_id:
        wanted, columns = (
            {_published_rater(run, name, target.rater_id)},
            {"ratings": ["rater_id"], "pairs": ["rater_id"]},
        )
    else:
        wanted = set(target.photo_ids)
        columns = {"photos": ["photo_id"], "ratings": ["photo_id"]}
    for table, names in columns.items():
        path = folder / "inputs" / f"{table}.parquet"
        if path.exists():
            rows = pq.read_table(path, columns=names)
            if any(wanted & set(pc.unique(rows[column]).to_pylist()) for column in names):
                return True
    return False


def _versions_holding(run: Run, name: str, folder: Path, target: Target) -> list[str]:
    for version in versions(folder / DRAFTS):
        if _holds(run, name, folder / DRAFTS / version, target):
            shutil.rmtree(folder / DRAFTS / version)
            run.warehouse.table(RELEASES).delete(f"name = '{name}' AND version = '{version}' AND state = 'draft'")
    return [version for version in versions(folder) if _holds(run, name, folder / version, target)]


def _newest_material(folder: Path, found: list[str]) -> Material | None:
    """What the newest version was made from, where it is among those that hold the target."""
    newest = versions(folder)[-1]
    return read_material(folder / newest, read_manifest(folder / newest)) if newest in found else None


def _succeed(run: Run, name: str, folder: Path, before: Material | None, target: Target) -> str:
    """Write the redacted successor of the newest version; empty where nothing would be left in it."""
    if before is None:
        return versions(folder)[-1]
    tables = {table: _redacted(rows, run, name, target) for table, rows in before.tables.items()}
    if not tables["photos"].num_rows:
        return ""
    facts = dict(before.facts)
    facts["question_before"] = read_manifest(folder / before.version)["question"]
    facts["certificate"] = certify(run, tables["photos"], before.settings)[0]
    after = replace(before, tables=tables, facts=facts, previous=before.version, unreadable={})
    after.digest = rows_digest(tables, before.settings, before.method)
    difference = compare(before, after)
    after.version = next_version(before.version, difference)
    rows = tables["photos"].num_rows
    # The older text may tell of single photos: a redacted version begins its changes anew.
    facts["changes"] = changes_text(after.version, before.version, difference, rows, "")
    temporary = begin(folder, after.version)
    places = gather.whereabouts(run.warehouse, tables["photos"]["photo_id"].to_pylist())
    written = write_pictures(temporary, after, Originals(run.warehouse.location, places))
    write_rest(written)
    finish(temporary, folder / after.version)
    register(run, folder / after.version, RELEASED)
    return after.version


def _redacted(rows: pa.Table, run: Run, name: str, target: Target) -> pa.Table:
    """The rows without the target's."""
    columns = ("rater_id",) if target.rater_id else ("photo_id", "released_photo_id", "left_id", "right_id")
    gone = [_published_rater(run, name, target.rater_id)] if target.rater_id else list(target.photo_ids)
    for column in columns:
        if column in rows.column_names:
            rows = rows.filter(pc.invert(pc.is_in(rows[column], pa.array(gone, pa.string()))))
    return rows


def _withdraw(run: Run, name: str, folder: Path, version: str, successor: str, target: Target) -> None:
    key, _ = pseudonym_key(run.root)
    names = Pseudonyms(key, name)
    gone = [names.photo(p) for p in target.photo_ids] or [names.photo(target.rater_id)]
    tombstone: dict[str, object] = {
        "name": name,
        "version": version,
        "withdrawn": gone,
        "reason": target.reason or "takedown",
        "successor": successor or None,
        "note": "This version was withdrawn: its bytes were deleted. Please delete your copies and use the successor.",
    }
    erase.withdraw(folder / version, tombstone)
    table = run.warehouse.table(RELEASES)
    rows = [row for row in release_rows(run, name) if row["version"] == version]
    changed = [Release(**{**row, "state": WITHDRAWN, "withdrawn": target.reason or "takedown"}) for row in rows]
    table.replace(changed, where=f"name = '{name}' AND version = '{version}'")


def _out_of_reach(run: Run, target: Target) -> list[str]:
    """Places that only people can reach, each with what to do."""
    found = []
    for photo_id, uris in gather.whereabouts(run.warehouse, list(target.photo_ids)).items():
        found += [f"the original of {photo_id[:12]} at {uri} is not Salon's: delete it there." for uri in uris]
    if target.rater_id:
        found.append(
            "the rater's annotations in Label Studio: delete them there before the next collect, which would bring "
            "them home again (salon raters list tells the account)."
        )
    for name in _release_folders(run):
        for row in release_rows(run, name):
            for place in json.loads(row.get("pushed") or "[]"):
                found.append(f"{name} {row['version']} was pushed to {place}: delete that tag or folder there.")
    return found


def _delete_in_label_studio(run: Run, target: Target) -> None:
    """Delete the photos' tasks, or the rater's annotations, in Label Studio where it answers."""
    if not target.photo_ids:
        return
    wanted = pa.table({"photo_id": pa.array(target.photo_ids, pa.string())})
    rows = run.warehouse.query(
        "SELECT s.project_id, s.labelstudio_task_id AS task FROM sent_tasks s JOIN tasks t USING (task_key) "
        "SEMI JOIN wanted w ON w.photo_id = t.photo_id OR w.photo_id = t.right_photo_id ORDER BY ALL",
        extra={"wanted": wanted},
    ).to_pylist()
    if not rows:
        return
    from flows.labelstudio.connection import connect

    try:
        with connect(run) as link:
            for project in sorted({row["project_id"] for row in rows}):
                link.client.delete_tasks(project, [row["task"] for row in rows if row["project_id"] == project])
    except PassingFault as fault:
        raise PermanentFault(
            f"nothing was erased: {len(rows)} tasks in Label Studio show what has to go, and it does not answer "
            f"({fault}) Start it, and run takedown again."
        ) from fault


def _proof(run: Run, target: Target) -> Outcome:
    """Every place, looked at now: erased, not held, or out of reach."""
    columns = erase.RATER_COLUMNS if target.rater_id else erase.PHOTO_COLUMNS
    values = [target.rater_id] if target.rater_id else list(target.photo_ids)
    held = erase.holding(run.warehouse, columns, values)
    counts: dict[str, int | float | str] = {}
    for name in run.warehouse.tables:
        if name == "blocklist":
            continue
        old = erase.files_in_history(run.warehouse, name)
        history = f"; {old} files of older versions remain (salon maintain)" if old else ""
        counts[f"table {name}"] = (f"STILL HELD in {held[name]} rows" if name in held else "not held") + history
    files = sorted({path for value in values for path in erase.files_holding(run.warehouse, value)})
    counts["files under the root"] = f"STILL HELD: {', '.join(files)}" if files else "not held"
    for name, folder in _release_folders(run).items():
        for path in sorted(folder.iterdir()):
            if (path / TOMBSTONE).exists():
                counts[f"release {name} {path.name}"] = "erased: withdrawn, a tombstone stays"
            elif (path / "manifest.json").exists():
                counts[f"release {name} {path.name}"] = "STILL HELD" if _holds(run, name, path, target) else "not held"
    if target.photo_ids:
        listed = set(run.warehouse.table(BLOCKLIST).read(["content_hash"])["content_hash"].to_pylist())
        missing = [p for p in target.photo_ids if content_hash(p) not in listed]
        counts["block list"] = f"NOT ON IT: {', '.join(missing)}" if missing else "on it: ingest refuses them"
    return Outcome(
        stage="takedown --prove",
        counts=counts,
        notes=tuple(
            [f"Out of reach: {place}" for place in _out_of_reach(run, target)]
            + ["Out of reach: backups, loaded copies, and what was learnt from them: write to their keepers."]
        ),
    )
