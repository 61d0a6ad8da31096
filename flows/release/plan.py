"""What the next version of a dataset would hold, worked out from the tables without reading a picture."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.licences import strictest
from curation.published import Rendering, promised
from curation.splits import (
    LargeGroup,
    Linked,
    Place,
    Placement,
    large_groups,
    photographer_link,
    place,
    sessions,
)
from flows.context import Run
from flows.release.baselines import baselines_of
from flows.release.certificate import certificate_of
from flows.release.protocols import filter_rules, protocols_of, suggestions_of
from labeling.anonymity import TRAITS, Pseudonyms, k_anonymous
from labeling.identity import PSEUDONYM
from schemas.codes import Split
from schemas.errors import BadInput
from schemas.settings.publish import Config, Images, PublishSettings
from schemas.settings.publish import Pseudonyms as PseudonymChoice
from warehouse.digests import digest
from warehouse.releases import gather
from warehouse.releases.manifest import FORMAT
from warehouse.releases.parquet import canonical

KEYS = {
    "photos": ("photo_id",),
    "scores": ("photo_id", "question", "scale", "method"),
    "ratings": ("rating_id",),
    "raters": ("rater_id", "question", "scale", "method", "screening"),
    "pairs": ("comparison_id",),
    "embeddings": ("photo_id", "model"),
}
"""The tables of `inputs/`, with their keys."""

UNSHAPING = {"folder", "gates"}
"""Settings that change no byte of a release's rows."""

COMPARED = ("phash64", "phash256")
"""Fingerprints whose Hamming distance tells how alike photos are; the others are for exact and turned copies."""

FIGURES = 10
"""Significant digits of published figures: sums may run in another order on another machine."""


@dataclass(frozen=True)
class Plan:
    """Everything that a version is made of but the pictures and the version's number.

    Parameters
    ----------
    tables : dict of str to pyarrow.Table
        What will stand in `inputs/`: keys of `KEYS`.
    facts : dict
        What the card tells beside the tables; content only, no clock and no path.
    digest : str
        Of rows and settings: equal digests are not published twice.
    """

    name: str
    settings: PublishSettings
    tables: dict[str, pa.Table]
    facts: dict[str, Any]
    digest: str
    large: tuple[LargeGroup, ...] = ()
    notes: tuple[str, ...] = ()
    kept_out: dict[str, int] = field(default_factory=dict)


def make_plan(run: Run, name: str, key: bytes, resplit: bool = False) -> Plan:
    """Gather and place the rows of the next version.

    Raises
    ------
    BadInput
        There is nothing to publish; says which stage is missing.
    """
    settings = run.settings.publish
    wanted = gather.chosen(run.warehouse, name)
    kept_out = Counter[str](no_rating_yet=gather.count_kept(run.warehouse) - wanted.num_rows)
    if not settings.opted_out_because:
        kept_out["opted_out"] = int(pc.sum(wanted["opted_out"]).as_py() or 0)
        wanted = wanted.filter(pc.invert(wanted["opted_out"]))
    if not wanted.num_rows:
        raise BadInput(_why_nothing(run), todo="A release holds kept photos that have a score.")
    known = {row["photo_id"]: row for row in gather.known_members(run.warehouse, name).to_pylist()}
    photos = _linked(run, settings, wanted["photo_id"].to_pylist(), known)
    placement = _placed(settings, photos, known, resplit, gather.chosen_by_model(run.warehouse))
    kept_out["bridges_splits"] = sum(name in placement.bridges for name in wanted["photo_id"].to_pylist())
    kept_out["chosen_by_model"] = sum(name in placement.barred for name in wanted["photo_id"].to_pylist())
    placed = _placed_table(wanted, placement, known)
    names = Pseudonyms(key, name if _per_release(settings) else "")
    tables = _tables(run, placed, settings, names)
    facts = _facts(run, settings, tables, kept_out, names)
    facts["certificate"], large = certify(run, tables["photos"], settings)
    facts["baselines"] = baselines_of(run, name)
    return Plan(
        name=name,
        settings=settings,
        tables=tables,
        facts=facts,
        digest=rows_digest(tables, settings, run.settings.score.method, facts["baselines"]),
        large=tuple(large),
        notes=tuple(_notes(kept_out, large)),
        kept_out={reason: count for reason, count in kept_out.items() if count},
    )


def certify(run: Run, photos: pa.Table, settings: PublishSettings) -> tuple[dict[str, Any], list[LargeGroup]]:
    """The certificate of a version, and its large groups, from the links between its photos."""
    names = photos["photo_id"].to_pylist()
    linked = _linked(run, settings, names, ())
    groups = dict(zip(names, photos["group_id"].to_pylist(), strict=True))
    large = large_groups(linked, groups, settings.large_group)
    bits = {
        method: gather.fingerprints(run.warehouse, names, method)
        for method in gather.fingerprint_methods(run.warehouse)
        if method.split("@")[0] in COMPARED
    }
    return certificate_of(photos, linked, large, bits), large


def _per_release(settings: PublishSettings) -> bool:
    return settings.pseudonyms is PseudonymChoice.RELEASE


def _why_nothing(run: Run) -> str:
    counts = {n: run.warehouse.tables[n].count() for n in ("photos", "verdicts", "ratings", "scores")}
    stages = {"photos": "ingest", "verdicts": "filter", "ratings": "collect or import-ratings", "scores": "score"}
    missing = [f"table {n} is empty (run salon {stages[n]})" for n, count in counts.items() if not count]
    return f"nothing to publish: {missing[0] if missing else 'no kept photo has a score'}"


def _linked(run: Run, settings: PublishSettings, wanted: list[str], known: Iterable[str]) -> list[Linked]:
    """Every photo of this and of earlier versions with its links."""
    rows = gather.links(run.warehouse, sorted({*wanted, *known})).to_pylist()
    shots = [(r["photo_id"], r["camera"], r["captured_at"]) for r in rows if r["camera"] and r["captured_at"]]
    session_of = sessions(shots, settings.session_gap_minutes)
    photos = []
    for row in rows:
        links = [
            f"near copies:{row['group_id']}" if row["group_id"] else None,
            f"burst:{row['burst_id']}" if row["burst_id"] else None,
            photographer_link(row["photographer"]),
            f"session:{session_of[row['photo_id']]}" if row["photo_id"] in session_of else None,
        ]
        photos.append(Linked(row["photo_id"], tuple(link for link in links if link)))
    return photos


def _placed(
    settings: PublishSettings, photos: Sequence[Linked], known: dict[str, Any], resplit: bool, by_model: Set[str]
) -> Placement:
    shares = {
        Split.TRAIN: 1 - settings.validation - settings.test,
        Split.VALIDATION: settings.validation,
        Split.TEST: settings.test,
    }
    places = (
        {}
        if resplit
        else {photo_id: Place(Split(row["split"]), row["group_id"], row["ordinal"]) for photo_id, row in known.items()}
    )
    return place(photos, places, shares, settings.seed, by_model)


def _placed_table(wanted: pa.Table, placement: Placement, known: dict[str, Any]) -> pa.Table:
    """The photos of the version in the order of first release, new ones behind in the order of their ids."""
    names = [name for name in wanted["photo_id"].to_pylist() if name in placement.split]
    following = max((row["ordinal"] for row in known.values()), default=-1) + 1
    new = sorted(name for name in names if name not in known)
    ordinals = {name: known[name]["ordinal"] for name in names if name in known}
    ordinals.update({name: following + n for n, name in enumerate(new)})
    names.sort(key=lambda name: ordinals[name])
    return pa.table(
        {
            "photo_id": pa.array(names, pa.string()),
            "ordinal": pa.array([ordinals[n] for n in names], pa.int64()),
            "first_version": pa.array([known[n]["first_version"] if n in known else None for n in names], pa.string()),
            "split": pa.array([str(placement.split[n]) for n in names], pa.string()),
            "group_id": pa.array([placement.group[n] for n in names], pa.string()),
        }
    )


def _tables(run: Run, placed: pa.Table, settings: PublishSettings, names: Pseudonyms) -> dict[str, pa.Table]:
    """The tables of `inputs/`, with pseudonyms of the release and figures rounded."""
    warehouse, configs, method = run.warehouse, set(settings.configs), run.settings.score.method
    photos = _photos(gather.photos(warehouse, placed), gather.properties(warehouse, placed), settings)
    tables = {"photos": photos, "scores": gather.rows_of(warehouse, gather.SCORES, placed)}
    ratings = gather.rows_of(warehouse, gather.RATINGS, placed)
    if {Config.RATINGS, Config.FEWSHOT, Config.RATERS} & configs:
        tables["ratings"] = _renamed(ratings, names)
    if Config.RATERS in configs:
        voters = pa.table({"rater_id": pc.unique(ratings["rater_id"])})
        raters = _renamed(gather.rows_of(warehouse, gather.RATERS, placed, [method], voters=voters), names)
        tables["raters"] = anonymous(raters, settings.k_anonymity)
    if Config.PAIRS in configs:
        pairs = gather.rows_of(warehouse, gather.PAIRS, placed)
        if pairs.num_rows:
            tables["pairs"] = _renamed(pairs, names)
    if Config.EMBEDDINGS in configs:
        embeddings = gather.rows_of(warehouse, gather.EMBEDDINGS, placed)
        if embeddings.num_rows:
            tables["embeddings"] = embeddings
    order = {
        "ratings": [
            ("ordinal", "ascending"),
            ("photo_id", "ascending"),
            ("question", "ascending"),
            ("rater_id", "ascending"),
            ("rating_id", "ascending"),
        ]
    }
    return {n: canonical(rounded(t.sort_by(order[n]) if n in order else t)).combine_chunks() for n, t in tables.items()}


def _photos(rows: pa.Table, properties: pa.Table, settings: PublishSettings) -> pa.Table:
    """The photo rows with what will be published of each picture, its licence, its credit and its properties."""
    how = rendering(settings)
    promises = [
        promised(kind, width, height, how)
        for kind, width, height in zip(
            *(rows[c].to_pylist() for c in ("source_format", "width", "height")), strict=True
        )
    ]
    licences = [
        strictest([*(said or ()), *([own] if own else ())])
        for said, own in zip(rows["licenses"].to_pylist(), rows["photo_license"].to_pylist(), strict=True)
    ]
    columns = {
        name: rows[name]
        for name in rows.column_names
        if name not in ("licenses", "photo_license", "photographer", "copyright")
    }
    columns["format"] = pa.array([p.format for p in promises], pa.string())
    columns["image_kind"] = pa.array([p.kind for p in promises], pa.string())
    columns["width"] = pa.array([p.width for p in promises], pa.int64())
    columns["height"] = pa.array([p.height for p in promises], pa.int64())
    columns["license"] = pa.array(licences, pa.string())
    columns["attribution"] = pc.coalesce(rows["photographer"], rows["copyright"])
    for name in properties.column_names:
        if name != "photo_id":
            columns[name] = properties[name]
    return pa.table(columns)


def rendering(settings: PublishSettings) -> Rendering:
    """How pictures are published, from the settings."""
    return Rendering(
        always=settings.images is Images.RENDITION,
        short_side=settings.rendition_short_side,
        quality=settings.rendition_quality,
    )


def _renamed(table: pa.Table, names: Pseudonyms) -> pa.Table:
    """The same rows under the release's own names of raters, sessions and ratings."""
    raters = table["rater_id"].to_pylist()
    known = {rater: names.rater(rater) for rater in set(raters)}
    columns = {"rater_id": pa.array([known[r] for r in raters], pa.string())}
    if "session_id" in table.column_names:
        pairs = list(zip(raters, table["session_id"].to_pylist(), strict=True))
        found = {pair: names.session(*pair) for pair in set(pairs)}
        columns["session_id"] = pa.array([found[pair] for pair in pairs], pa.string())
    for column in ("rating_id", "repeat_of", "comparison_id"):
        if column in table.column_names:
            columns[column] = pa.array([names.rating(v) for v in table[column].to_pylist()], pa.string())
    for column, values in columns.items():
        table = table.set_column(table.column_names.index(column), column, values)
    return table


def anonymous(raters: pa.Table, k: int) -> pa.Table:
    """Rater rows whose traits stand only in groups of k and more raters."""
    told = {row["rater_id"]: [row[t] for t in TRAITS] for row in raters.select(["rater_id", *TRAITS]).to_pylist()}
    shown = k_anonymous(told, k)
    for place_of, trait in enumerate(TRAITS):
        values = [shown[rater][place_of] for rater in raters["rater_id"].to_pylist()]
        raters = raters.set_column(raters.column_names.index(trait), trait, pa.array(values, pa.string()))
    keys = [(name, "ascending") for name in KEYS["raters"]]
    inner = [column for column in ("panel", "consent_version") if column in raters.column_names]
    return raters.drop_columns(inner).sort_by(keys)


def rounded(table: pa.Table) -> pa.Table:
    """Floating-point columns rounded to `FIGURES` significant digits."""
    for number, column in enumerate(table.schema):
        if pa.types.is_float64(column.type):
            values = [None if v is None else float(f"{v:.{FIGURES}g}") for v in table[column.name].to_pylist()]
            table = table.set_column(number, column.name, pa.array(values, pa.float64()))
    return table


def rows_digest(
    tables: dict[str, pa.Table], settings: PublishSettings, method: str, baselines: dict[str, Any] | None = None
) -> str:
    """Digest of rows, settings and what heads reach, in hex: equal digests are not published twice."""
    total = hashlib.sha256()
    shaping = settings.model_dump(mode="json", exclude=UNSHAPING)
    total.update(json.dumps([FORMAT, method, shaping], sort_keys=True).encode())
    if baselines:
        total.update(json.dumps(baselines["models"], sort_keys=True).encode())
    for name in sorted(tables):
        table = tables[name]
        if "first_version" in table.column_names:
            table = table.drop_columns(["first_version"])
        total.update(f"{name}:{digest(table, KEYS[name])}".encode())
    return total.hexdigest()


def _facts(
    run: Run, settings: PublishSettings, tables: dict[str, pa.Table], kept_out: Counter[str], names: Pseudonyms
) -> dict[str, Any]:
    """What the card tells beside the rows."""
    return {
        "method": run.settings.score.method,
        "funnel": gather.funnel(run.warehouse),
        "reliability": gather.reliability(run.warehouse),
        "screening": gather.screening(run.warehouse),
        "scoring_notes": [_readable(row, names) for row in gather.scoring_notes(run.warehouse)],
        "protocols": protocols_of(run, settings, tables),
        "designs": gather.designs(run.warehouse),
        "suggestions": suggestions_of(run),
        "filter": filter_rules(run),
        "simulated": any(tables["scores"]["simulated"].to_pylist()),
        "kept_out": {reason: count for reason, count in sorted(kept_out.items()) if count},
        "settings": settings.model_dump(mode="json", exclude=UNSHAPING),
    }


def _readable(row: dict[str, Any], names: Pseudonyms) -> dict[str, Any]:
    """Notes of scoring under the release's own names of raters: others would tell who is who in another dataset."""
    return {**row, "notes": [PSEUDONYM.sub(lambda found: names.rater(found[0]), note) for note in row["notes"]]}


def _notes(kept_out: Counter[str], large: Sequence[LargeGroup]) -> Iterable[str]:
    if kept_out["bridges_splits"]:
        yield (
            f"{kept_out['bridges_splits']} new photos would link groups of two splits and are kept out as "
            "bridges_splits until a major version (publish --resplit)."
        )
    if kept_out["chosen_by_model"]:
        yield (
            f"{kept_out['chosen_by_model']} photos that a head asked for belong to groups of the test split and are "
            "kept out as chosen_by_model: what a model is unsure of must not judge models."
        )
    if kept_out["opted_out"]:
        yield f"{kept_out['opted_out']} photos with an opt-out signal are kept out (publish.opted_out_because)."
    for group in large:
        made = ", ".join(f"{link} ({photos})" for link, photos in group.made_by[:3])
        yield f"One group holds {group.share:.0%} of all photos ({group.photos}), made by {made}."
