"""Writing a version into an empty folder: pictures first, then everything that follows from the rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.release.card import card
from flows.release.citation import citation
from flows.release.croissant import croissant
from flows.release.fewshot import fewshot_table
from flows.release.illustrations import plots_of
from flows.release.methods import methods
from flows.release.pictures import SPLITS, Pictures, write_shards
from flows.release.plan import KEYS
from flows.release.wide import Axis, axes_of, wide
from schemas.settings.publish import Config, PublishSettings
from warehouse.releases.features import IMAGE_TYPE
from warehouse.releases.manifest import as_json, library_versions, write_manifest
from warehouse.releases.parquet import IMAGE, canonical, open_writer, write_by_split

DEFAULT_FOLDER = "data"
EVERYONE = "everyone"
"""The one split of `raters`; `datasets` keeps the word "all" for itself."""


@dataclass
class Material:
    """What a version is written from: all of it stands in `inputs/`, so that it can be written again.

    Parameters
    ----------
    tables : dict of str to pyarrow.Table
        Tables of `inputs/`.
    facts : dict
        `inputs/facts.json`: what the card tells beside the rows, and the text of `CHANGES.md`.
    """

    name: str
    version: str
    previous: str
    settings: PublishSettings
    tables: dict[str, pa.Table]
    facts: dict[str, Any]
    digest: str
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The release's method, a code of ScoreMethod."""
        return str(self.facts["method"])


@dataclass(frozen=True)
class Written:
    """A configuration as it was written.

    Parameters
    ----------
    rows, bytes : dict of split to int
        Rows, and bytes in memory, of every split that has rows.
    files : dict of str to str
        Its Parquet files, relative to the release, with their SHA-256.
    size : int
        Bytes of these files.
    """

    name: str
    folder: str
    schema: pa.Schema
    rows: dict[str, int]
    bytes: dict[str, int]
    files: dict[str, str]
    size: int


def _written(
    name: str, folder: str, schema: pa.Schema, rows: dict[str, int], size: dict[str, int], sums: dict[Path, str]
) -> Written:
    return Written(
        name=name,
        folder=folder,
        schema=schema,
        rows=rows,
        bytes=size,
        files={f"{folder}/{path.name}": checksum for path, checksum in sums.items()},
        size=sum(path.stat().st_size for path in sums),
    )


@dataclass
class Draft:
    """A version whose pictures are written, and whose other files are not."""

    folder: Path
    material: Material
    axes: tuple[Axis, ...]
    default: pa.Table
    pictures: Written


def plain_rows(material: Material) -> tuple[pa.Table, tuple[Axis, ...]]:
    """The rows of `default` without their pictures, under the version's number; and the questions side by side."""
    photos = material.tables["photos"]
    first = photos["first_version"].fill_null(material.version)
    material.tables["photos"] = photos.set_column(photos.column_names.index("first_version"), "first_version", first)
    before = str(material.facts.get("question_before", ""))
    axes = axes_of(material.tables["scores"], material.settings.question, before)
    return wide(material.tables["photos"], material.tables["scores"], axes, material.method), axes


def write_pictures(folder: Path, material: Material, source: Pictures) -> Draft:
    """Write `data/`; photos whose picture cannot be had are left out, and named in `material.unreadable`."""
    plain, axes = plain_rows(material)
    default = _with_image(plain)
    pictures = _write_pictures(folder, default, material, source)
    if material.unreadable:
        _leave_out(material)
        default = default.filter(pc.invert(pc.is_in(default["photo_id"], pa.array(list(material.unreadable)))))
    return Draft(folder, material, axes, default, pictures)


def write_rest(draft: Draft) -> str:
    """Write everything but the pictures; returns the checksum of the manifest."""
    folder, material = draft.folder, draft.material
    plain = draft.default.drop_columns([IMAGE])
    configs = [draft.pictures, *_write_plain_configs(folder, material, plain, draft.axes)]
    _write_inputs(folder, material)
    _write_texts(folder, material, plain, draft.axes, configs)
    return write_manifest(
        folder,
        {
            "name": material.name,
            "version": material.version,
            "previous": material.previous,
            "inputs_digest": material.digest,
            "libraries": library_versions(),
            "settings": material.facts["settings"],
            "gates": material.facts["gates"],
            "question": draft.axes[0].question,
            "scale": draft.axes[0].scale,
            "method": material.method,
            "simulated": material.facts["simulated"],
            "counts": counts_of(material),
            "configs": {c.name: {"folder": c.folder, "rows": c.rows} for c in configs},
        },
        {name: checksum for config in configs for name, checksum in config.files.items()},
    )


def counts_of(material: Material) -> dict[str, int]:
    """Photos, ratings and what was left out."""
    ratings = material.tables.get("ratings")
    return {
        "photos": material.tables["photos"].num_rows,
        "ratings": ratings.num_rows if ratings is not None else 0,
        "unreadable": len(material.unreadable),
    }


def _with_image(rows: pa.Table) -> pa.Table:
    """The rows with an empty picture column in its place, behind photo_id."""
    return rows.add_column(1, pa.field(IMAGE, IMAGE_TYPE), pa.nulls(rows.num_rows, IMAGE_TYPE))


def _write_pictures(folder: Path, default: pa.Table, material: Material, pictures: Pictures) -> Written:
    shards = write_shards(folder / DEFAULT_FOLDER, default, material.settings, pictures)
    material.unreadable |= shards.faults
    return _written("default", DEFAULT_FOLDER, default.schema, shards.rows, shards.bytes, shards.sums)


def _leave_out(material: Material) -> None:
    """Take the unreadable photos out of every table."""
    gone = pa.array(list(material.unreadable), pa.string())
    for name, table in material.tables.items():
        for column in ("photo_id", "released_photo_id", "left_id", "right_id"):
            if column in table.column_names:
                table = table.filter(pc.invert(pc.is_in(table[column], gone)))
        material.tables[name] = table


def _write_plain_configs(folder: Path, material: Material, plain: pa.Table, axes: tuple[Axis, ...]) -> list[Written]:
    """The configurations without pictures."""
    tables: dict[str, tuple[pa.Table, tuple[str, ...]]] = {Config.SCORES: (plain, SPLITS)}
    for rows in (Config.RATINGS, Config.PAIRS, Config.EMBEDDINGS):
        if rows in material.tables:
            tables[rows] = (material.tables[rows].drop_columns(["ordinal"]), SPLITS)
    if Config.RATERS in material.tables:
        raters = material.tables[Config.RATERS]
        everyone = pa.array([EVERYONE] * raters.num_rows, pa.string())
        tables[Config.RATERS] = (raters.append_column("split", everyone), (EVERYONE,))
    if Config.FEWSHOT in material.settings.configs and "ratings" in material.tables:
        tables[Config.FEWSHOT] = (fewshot_table(material.tables["ratings"], axes[0], material.settings), SPLITS)
    found = []
    for config in Config:
        if config not in material.settings.configs or config not in tables or not tables[config][0].num_rows:
            continue
        name, (table, splits) = str(config), tables[config]
        written, sums = write_by_split(folder / name, table.combine_chunks(), splits)
        sizes = {split: table.filter(pc.equal(table["split"], split)).nbytes for split in written}
        found.append(_written(name, name, table.schema, written, sizes, sums))
    return found


def _write_inputs(folder: Path, material: Material) -> None:
    """What the version was made from, so that it can be made again whatever becomes of the tables."""
    inputs = folder / "inputs"
    inputs.mkdir()
    for name in KEYS:
        if name in material.tables:
            table = material.tables[name]
            with open_writer(inputs / f"{name}.parquet", table.schema) as writer:
                writer.write_table(table.combine_chunks(), row_group_size=100_000)
    (inputs / "facts.json").write_text(as_json(material.facts), encoding="utf-8")


def _write_texts(
    folder: Path, material: Material, plain: pa.Table, axes: tuple[Axis, ...], configs: list[Written]
) -> None:
    texts: dict[str, Callable[[], str]] = {
        "certificate.json": lambda: as_json(material.facts["certificate"]),
        "CHANGES.md": lambda: str(material.facts["changes"]),
        "CITATION.cff": lambda: citation(material),
        "METHODS.md": lambda: methods(material, plain, axes),
        "README.md": lambda: card(material, plain, axes, configs),
    }
    texts |= {f"plots/{name}.svg": plot for name, plot in plots_of(material, plain, axes[0]).items()}
    (folder / "plots").mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text(), encoding="utf-8")
    sums = {name: checksum for config in configs for name, checksum in config.files.items()}
    (folder / "croissant.json").write_text(croissant(sums, material, plain, axes, configs), encoding="utf-8")


def read_material(folder: Path, manifest: dict[str, Any]) -> Material:
    """What a version was written from, read back from its `inputs/`."""
    inputs = folder / "inputs"
    tables = {}
    for name in KEYS:
        path = inputs / f"{name}.parquet"
        if path.exists():
            tables[name] = canonical(pq.read_table(path))
    facts = json.loads((inputs / "facts.json").read_text(encoding="utf-8"))
    return Material(
        name=manifest["name"],
        version=manifest["version"],
        previous=manifest["previous"],
        settings=PublishSettings.model_validate(facts["settings"]),
        tables=tables,
        facts=facts,
        digest=manifest["inputs_digest"],
    )
