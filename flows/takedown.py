"""`salon takedown`: a photo, or a rater's votes, leave every version and every place that Salon can reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
from prefect import flow

from curation.blocklist import METHOD, content_hash
from curation.fingerprints import FingerprintMethod
from flows.context import Run, open_run
from flows.labelstudio.erase import Shown, delete_answers, delete_tasks, tasks_showing
from flows.outcome import Outcome
from flows.release.reach import columns_of, keep_record, out_of_reach, proof, values_of
from flows.release.redaction import Target, Withdrawn, remove_from
from flows.release.register import dataset_names, sole_shelf
from flows.runtime import publish_counts
from schemas.errors import WrongUse
from schemas.releases import BLOCKLIST, Blocked
from warehouse.releases import erase, gather

COPIES = f"""
    -- Photos of the same pixels, whether or not dedupe has seen them yet, and all of their groups.
    WITH same AS (
        SELECT photo_id FROM wanted UNION
        SELECT f.photo_id FROM fingerprints f JOIN fingerprints w USING (method, bits)
        JOIN wanted ON w.photo_id = wanted.photo_id
        WHERE f.method = '{FingerprintMethod.PIXELS}'
    )
    SELECT photo_id FROM same UNION SELECT d.photo_id FROM duplicates d
    WHERE d.group_id IN (SELECT group_id FROM duplicates SEMI JOIN same USING (photo_id)) ORDER BY 1
"""


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
        return proof(run, target)
    target, notes = _with_near_copies(run, target)
    # What Label Studio and others still hold is known from rows that are about to go.
    notes += [f"Out of reach: {place}" for place in out_of_reach(run, target)]
    shown = tasks_showing(run, target.photo_ids) if target.photo_ids else Shown({})
    counts = _block(run, target)
    delete_tasks(run, shown)
    answers = delete_answers(run, target.rater_id) if target.rater_id else 0
    withdrawn = [_remove(run, name, target) for name in dataset_names(run)]
    # The tables come last: as long as they hold it, the same command finds it again after a kill.
    rows = erase.erase_rows(run.warehouse, columns_of(target), values_of(target))
    gone = [(found.name, version) for found in withdrawn for version in found.successors]
    if target.rater_id and (noted := erase.erase_notes(run.warehouse, target.rater_id)):
        rows["scorings"] = noted
    files = erase.erase_files(run.warehouse, target.photo_ids, gone)
    erase.forget_history(run.warehouse, ["members", "releases"])
    erased = {f"table {name}": count for name, count in rows.items()} | files
    if shown.number or answers:
        erased["Label Studio"] = shown.number or answers
    keep_record(run, target, erased, shown.tasks)
    counts |= {f"rows of {name}": count for name, count in rows.items()}
    counts |= {f"files of {name}": count for name, count in files.items()}
    if "Label Studio" in erased:
        counts["tasks or answers in Label Studio"] = erased["Label Studio"]
    notes += [_told(found) for found in withdrawn if found.successors]
    if target.rater_id:
        notes.append("The tables' scores still rest on the votes that went: run salon score before the next publish.")
    return publish_counts(Outcome(stage="takedown", counts=counts, notes=tuple(notes)))


def _remove(run: Run, name: str, target: Target) -> Withdrawn:
    with sole_shelf(run, name) as shelf:
        return remove_from(run, name, shelf, target)


def _told(found: Withdrawn) -> str:
    """Which versions went, and what takes their place, in one sentence."""
    parts = []
    for successor in dict.fromkeys(found.successors.values()):
        versions = ", ".join(v for v, s in found.successors.items() if s == successor)
        parts.append(f"withdrew {versions}; " + (f"{successor} takes its place" if successor else "nothing is left"))
    return f"{found.name}: {'; '.join(parts)}."


def _with_near_copies(run: Run, target: Target) -> tuple[Target, list[str]]:
    """The target with all copies of its photos: they show the same, and the block list refuses them as well."""
    if not target.photo_ids:
        return target, []
    wanted = pa.table({"photo_id": pa.array(target.photo_ids, pa.string())})
    rows = run.warehouse.query(COPIES, extra={"wanted": wanted}).to_pylist()
    more = [row["photo_id"] for row in rows if row["photo_id"] not in target.photo_ids]
    if not more:
        return target, []
    note = f"{len(more)} copies go with it: {', '.join(name[:12] for name in more)}."
    return replace(target, photo_ids=(*target.photo_ids, *more)), [note]


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
