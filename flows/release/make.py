"""One run of publish: plan, compare with the last version, write, gate, name, register."""

from __future__ import annotations

import shutil
from pathlib import Path

from flows.context import Run
from flows.outcome import Outcome
from flows.release.build import Draft, Material, plain_rows, read_material, write_pictures, write_rest
from flows.release.compare import FIRST_VERSION, changes_text, compare, difference_lines, next_version
from flows.release.gates import as_facts, check_gates, refuse_unless_passed
from flows.release.order import as_first_released
from flows.release.pictures import FromOriginals
from flows.release.plan import Plan, make_plan, rendering
from flows.release.register import DRAFT, RELEASED, register, release_rows, sole_shelf
from flows.secret_keys import pseudonym_key
from schemas.errors import GateRefused
from schemas.releases import RELEASES
from warehouse.releases import gather
from warehouse.releases.folder import DRAFTS, begin, version_key
from warehouse.releases.manifest import read_manifest
from warehouse.releases.originals import Originals
from warehouse.releases.parquet import IMAGE
from warehouse.releases.shelf import Shelf


def make_version(run: Run, name: str, *, draft: bool = False, bump: str = "", resplit: bool = False) -> Outcome:
    """Make the next version of a dataset, or say that nothing has changed; see `flows.publish.publish`.

    Raises
    ------
    GateRefused
        The release is not good enough; nothing is left behind.
    WrongUse
        Another publish is at work, or a smaller version is asked for than the difference needs.
    BadInput
        There is nothing to publish.
    """
    with sole_shelf(run, name) as shelf:
        return _make(run, name, shelf, draft=draft, bump=bump, resplit=resplit)


def _make(run: Run, name: str, shelf: Shelf, *, draft: bool, bump: str, resplit: bool) -> Outcome:
    key, said = pseudonym_key(run.root)
    plan = make_plan(run, name, key, resplit=resplit)
    notes = [*([said] if said else []), *plan.notes]
    standing = _same_as(plan, shelf, draft)
    if standing and not resplit:
        return _nothing(name, standing, shelf, notes)
    previous = newest(shelf)
    material, lines, told = _material(plan, shelf, previous, bump)
    temporary = begin(shelf.folder, material.version)
    try:
        written = _write(run, temporary, material)
        if previous and not resplit and told and _equal_data(temporary, shelf.folder / previous):
            shutil.rmtree(temporary)
            return _nothing(name, previous, shelf, notes)
        place = shelf.finish(temporary, material.version, draft)
    except GateRefused:
        shutil.rmtree(temporary)
        raise
    if draft:
        _forget_drafts(run, name)
    register(run, place, DRAFT if draft else RELEASED)
    return Outcome(
        stage="publish",
        counts={
            "version": material.version,
            "state": DRAFT if draft else RELEASED,
            "photos": written.material.tables["photos"].num_rows,
            "ratings": written.material.tables["ratings"].num_rows if "ratings" in material.tables else 0,
            **{f"kept out: {reason}": count for reason, count in plan.kept_out.items()},
            "unreadable": len(material.unreadable),
        },
        notes=(*notes, *lines, *([f"A draft: salon approve {name} {material.version}"] if draft else [])),
        files={"release": shelf.address(f"{DRAFTS}/{material.version}" if draft else material.version)},
    )


def newest(shelf: Shelf) -> str:
    """The newest version that stands; empty where there is none."""
    found = shelf.versions()
    return found[-1] if found else ""


def _same_as(plan: Plan, shelf: Shelf, draft: bool) -> str:
    """The version, or the draft, that was made from the same rows and settings; empty where there is none."""
    found = shelf.versions()
    if found and read_manifest(shelf.folder / found[-1])["inputs_digest"] == plan.digest:
        return found[-1]
    drafts = shelf.drafts() if draft else []
    if drafts and read_manifest(shelf.folder / DRAFTS / drafts[-1])["inputs_digest"] == plan.digest:
        return f"{DRAFTS}/{drafts[-1]}"
    return ""


def _nothing(name: str, standing: str, shelf: Shelf, notes: list[str]) -> Outcome:
    """The end of a publish that found nothing new."""
    version = standing.rsplit("/", 1)[-1]
    return Outcome(
        stage="publish",
        counts={"version": version, "state": "unchanged"},
        files={"release": shelf.address(standing)},
        notes=(*notes, f"nothing has changed since {version}"),
    )


def _material(plan: Plan, shelf: Shelf, previous: str, bump: str) -> tuple[Material, list[str], bool]:
    """What the next version is written from, under its number, with the text of its changes; and whether the card of
    the last one tells already what trained heads reach."""
    facts = dict(plan.facts)
    material = Material(plan.name, FIRST_VERSION, previous, plan.settings, plan.tables, facts, plan.digest)
    if not previous:
        if taken := shelf.withdrawn():
            material.version = f"{version_key(taken[-1])[0] + 1}.0.0"
        facts["changes"] = changes_text(material.version, "", None, plan.tables["photos"].num_rows, "")
        return material, [], False
    manifest = read_manifest(shelf.folder / previous)
    before = read_material(shelf.rows_of(previous), manifest)
    material.tables = as_first_released(material.tables, before.tables)
    facts["question_before"] = manifest["question"]
    difference = compare(before, material)
    material.version = next_version(previous, difference, bump, taken=shelf.withdrawn())
    older = str(before.facts["changes"])
    facts["changes"] = changes_text(material.version, previous, difference, plan.tables["photos"].num_rows, older)
    return material, difference_lines(difference), not difference.baselines


def _write(run: Run, temporary: Path, material: Material) -> Draft:
    """Write everything, or raise GateRefused."""
    gates = run.settings.publish.gates
    rows, axes = plain_rows(material)
    refuse_unless_passed(check_gates(material, rows, axes, gates))  # before the first picture is read
    places = gather.whereabouts(run.warehouse, material.tables["photos"]["photo_id"].to_pylist())
    originals = Originals(run.warehouse.location, places)
    source = FromOriginals.known(originals, rendering(material.settings), material.tables["photos"])
    written = write_pictures(temporary, material, source)
    plain = written.default.drop_columns([IMAGE])
    found = check_gates(material, plain, written.axes, gates)
    refuse_unless_passed(found)
    material.facts["gates"] = as_facts(found)
    write_rest(written)
    return written


def _equal_data(made: Path, before: Path) -> bool:
    """Whether every Parquet file of two versions is the same: then there is nothing to publish."""
    new, old = read_manifest(made)["files"], read_manifest(before)["files"]
    names = {name for name in (*new, *old) if name.endswith(".parquet")}
    return all(new.get(name, {}).get("sha256") == old.get(name, {}).get("sha256") for name in names) and all(
        read_manifest(made)[key] == read_manifest(before)[key] for key in ("settings", "method")
    )


def _forget_drafts(run: Run, name: str) -> None:
    for row in release_rows(run, name):
        if row["state"] == DRAFT:
            run.warehouse.table(RELEASES).delete(f"name = '{name}' AND version = '{row['version']}'")
