"""The proof of a takedown: every place, looked at now, as erased, not held, or out of reach with what to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import fsspec
from pyarrow import fs as pafs

from curation.blocklist import content_hash
from flows.context import Run
from flows.labelstudio.erase import still_answered, still_shown
from flows.outcome import Outcome
from flows.release.redaction import Target, holds
from flows.release.register import dataset_names, release_rows, shelf_of
from flows.secret_keys import pseudonym_key
from labeling.anonymity import Pseudonyms
from schemas.releases import BLOCKLIST
from warehouse.releases import erase, gather
from warehouse.releases.folder import DRAFTS

HELD = "STILL HELD"
NOT_HELD = "not held"
RECORDS = "takedowns"


def values_of(target: Target) -> list[str]:
    """What would stand in the tables."""
    return [target.rater_id] if target.rater_id else list(target.photo_ids)


def columns_of(target: Target) -> tuple[str, ...]:
    """Where it would stand in the tables."""
    return erase.RATER_COLUMNS if target.rater_id else erase.PHOTO_COLUMNS


def keep_record(run: Run, target: Target, erased: dict[str, int], tasks: dict[int, tuple[int, ...]]) -> None:
    """Remember under a keyed hash what was erased where; of what was taken down itself it tells nothing."""
    files = run.warehouse.location.filesystem()
    files.create_dir(RECORDS)
    for value in values_of(target):
        before = _record(run, value)
        counts = {place: count + before.get("erased", {}).get(place, 0) for place, count in erased.items()}
        counts = {**before.get("erased", {}), **counts}
        shown = {str(project): list(numbers) for project, numbers in tasks.items()}
        content = {
            "erased": counts,
            "tasks": {**before.get("tasks", {}), **shown},
            "reason": target.reason or before.get("reason", ""),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with files.open_output_stream(_record_path(run, value)) as stream:
            stream.write(json.dumps(content, indent=1, sort_keys=True).encode())


def _record_path(run: Run, value: str) -> str:
    return f"{RECORDS}/{Pseudonyms(pseudonym_key(run.root)[0], '').photo(value)}.json"


def _record(run: Run, value: str) -> dict[str, Any]:
    files, path = run.warehouse.location.filesystem(), _record_path(run, value)
    if files.get_file_info(path).type != pafs.FileType.File:
        return {}
    with files.open_input_stream(path) as stream:
        return dict(json.loads(stream.read()))


def proof(run: Run, target: Target) -> Outcome:
    """Look at every place now."""
    records = [_record(run, value) for value in values_of(target)]
    erased = Counter[str]()
    for record in records:
        erased.update(record.get("erased", {}))
    when = max((record["at"] for record in records if record), default="")

    def state(place: str, held: str) -> str:
        """What stands in a place now, else what was erased there, else that it holds nothing."""
        if held:
            return f"{HELD}: {held}"
        return f"erased ({erased[place]:,} on {when})" if erased.get(place) else NOT_HELD

    places = {place: state(place, held) for place, held in _held_here(run, target)}
    places |= dict(_versions(run, target))
    places |= dict(_labelstudio(run, target, records))
    if target.photo_ids:
        listed = set(run.warehouse.table(BLOCKLIST).read(["content_hash"])["content_hash"].to_pylist())
        missing = [p for p in target.photo_ids if content_hash(p) not in listed]
        places["block list"] = f"NOT ON IT: {', '.join(missing)}" if missing else "on it: ingest refuses them"
    notes = [f"Out of reach: {place}" for place in out_of_reach(run, target)]
    notes.append("Out of reach: backups, loaded copies, and what others learnt from them: write to their keepers.")
    return Outcome(stage="takedown --prove", counts=dict(places), notes=tuple(notes))


def _held_here(run: Run, target: Target) -> Iterator[tuple[str, str]]:
    """Tables with their history, and files under the root: place, and what it holds still."""
    held = erase.holding(run.warehouse, columns_of(target), values_of(target))
    if target.rater_id and (noted := erase.notes_naming(run.warehouse, target.rater_id)):
        held["scorings"] = len(noted)
    for name in run.warehouse.tables:
        if name in erase.KEPT:
            continue
        old = erase.holding_in_history(run.warehouse, name, columns_of(target), values_of(target))
        parts = [f"{held[name]} rows"] if name in held else []
        parts += [f"{old} files of older versions"] if old else []
        yield f"table {name}", f"{' and '.join(parts)}: run the takedown again" if parts else ""
    found = sorted({path for value in values_of(target) for path in erase.files_holding(run.warehouse, value)})
    for kind in ("objects", "renditions", "derived", "reports", "heads"):
        here = [path for path in found if path.startswith(f"{kind}/")]
        yield kind, f"{', '.join(here[:5])}: run the takedown again" if here else ""
    others = [p for p in found if p.split("/")[0] not in ("objects", "renditions", "derived", "reports", "heads")]
    yield "other files under the root", f"{', '.join(others[:5])}: look at them and delete them" if others else ""


def _versions(run: Run, target: Target) -> Iterator[tuple[str, str]]:
    """Every version, draft and leftover of every dataset."""
    for name in dataset_names(run):
        with shelf_of(run, name) as shelf:
            for version in shelf.withdrawn():
                yield f"release {name} {version}", "erased: withdrawn, a tombstone stays"
            for version in (*shelf.versions(), *(f"{DRAFTS}/{draft}" for draft in shelf.drafts())):
                held = holds(run, name, shelf.rows_of(version), target)
                yield f"release {name} {version}", f"{HELD}: run the takedown again" if held else NOT_HELD
            if left := shelf.leftovers():
                yield f"release {name}, left by a kill", f"{HELD}: {len(left)} files, such as {left[0]}: run it again"


def _labelstudio(run: Run, target: Target, records: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if target.rater_id:
        yield "Label Studio", still_answered(run, target.rater_id)
        return
    tasks: dict[int, tuple[int, ...]] = {}
    for record in records:
        for project, numbers in record.get("tasks", {}).items():
            tasks[int(project)] = (*tasks.get(int(project), ()), *numbers)
    yield "Label Studio", still_shown(run, tasks) if tasks else NOT_HELD


def out_of_reach(run: Run, target: Target) -> list[str]:
    """Places that only people can reach, each with what to do."""
    found = []
    for photo_id, uris in gather.whereabouts(run.warehouse, list(target.photo_ids)).items():
        found += [f"the original of {photo_id[:12]} at {uri} is not Salon's: delete it there." for uri in uris]
    if target.rater_id:
        rows = run.warehouse.query(
            "SELECT DISTINCT source FROM ratings WHERE rater_id = $1 AND task_key IS NULL ORDER BY 1", [target.rater_id]
        ).to_pylist()
        found += [
            f"the file of ratings that was imported as {row['source']}: take the rater's lines out of it before it is "
            "imported again." for row in rows
        ]  # fmt: skip
    for name in dataset_names(run):
        for row in release_rows(run, name):
            for place in json.loads(row.get("pushed") or "[]"):
                found.append(f"{name} {row['version']} was pushed to {place}: {_what_to_do(place)}")
    if not run.warehouse.location.is_local:
        found.append("older versions of objects, where the bucket keeps them: delete them with the store's own tools.")
    return found


def _what_to_do(place: str) -> str:
    """Whether a version is still at an address, and what to do about it."""
    if "(tag " in place:
        return "delete that tag, or its repository, there; the Hub keeps the history of a repository."
    try:
        files, base = fsspec.core.url_to_fs(place)
        there = bool(files.exists(f"{base}/manifest.json"))
    except (OSError, ImportError, ValueError) as error:
        return f"it cannot be looked at ({type(error).__name__}); delete that folder there."
    return "it is still there: delete that folder." if there else "it is gone from there."
