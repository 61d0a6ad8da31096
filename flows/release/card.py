"""`README.md`: the dataset card, its YAML for `datasets` and the Hub, and a datasheet filled from the data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import yaml

from flows.release.citation import bibtex, title_of
from flows.release.datasheet import bias_lines, raters_lines, reliability_table, screening_lines
from flows.release.wide import Axis
from warehouse.releases.features import yaml_feature

if TYPE_CHECKING:
    from flows.release.build import Material, Written

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
DESCRIPTIONS = {
    "default": "a photo a row: picture, score with interval, plain mean, split, group, what is known of the photo",
    "scores": "the same without pictures: loads in a second",
    "ratings": "every single rating, with the rater's pseudonym, session, position and role",
    "raters": "a rater a row: bias, inconsistency, agreement, coarse traits in groups of {k} and more",
    "pairs": "every single comparison of two photos",
    "embeddings": "vectors of the photos, per model",
    "fewshot": "episodes of personal taste: support and query ratings of one rater",
}


def card(material: Material, rows: pa.Table, axes: tuple[Axis, ...], configs: list[Written]) -> str:
    """The card of a version.

    Parameters
    ----------
    rows : pyarrow.Table
        `default` without pictures.
    configs : list of Written
        The configurations that were written, `default` first.
    """
    sections = [
        _header(material, rows, configs),
        _lead(material, rows, axes),
        _loading(material, configs),
        _composition(material, rows, axes),
        _ratings(material, rows, axes),
        _splits(material),
        _people_and_rights(material, rows),
        f"## Citation\n\n```bibtex\n{bibtex(material)}\n```\n\n`CITATION.cff` says the same. Cite the version: "
        "versions never change, and another version is another dataset.",
    ]
    return "\n\n".join(sections) + "\n"


def _header(material: Material, rows: pa.Table, configs: list[Written]) -> str:
    """The YAML block: licence, size, files of every configuration, features and splits."""
    settings = material.settings
    simulated = bool(material.facts["simulated"])
    header: dict[str, Any] = {
        "pretty_name": title_of(material),
        "license": settings.license.lower() or "unknown",
        "language": [settings.language],
        "size_categories": [next((name for size, name in SIZES if rows.num_rows < size), "n>1M")],
        "tags": ["aesthetics", "image-quality", "mean-opinion-score", "human-ratings"]
        if not simulated
        else ["aesthetics", "simulated-ratings"],
        "configs": [_config(config) for config in configs],
        "dataset_info": [_info(config) for config in configs],
    }
    return "---\n" + yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=110) + "---"


def _config(config: Written) -> dict[str, Any]:
    files = [{"split": split, "path": f"{config.folder}/{split}-*.parquet"} for split in config.rows]
    found: dict[str, Any] = {"config_name": config.name, "data_files": files}
    if config.name == "default":
        found["default"] = True
    return found


def _info(config: Written) -> dict[str, Any]:
    return {
        "config_name": config.name,
        "features": [yaml_feature(column.name, column.type) for column in config.schema],
        "splits": [
            {"name": split, "num_bytes": config.bytes[split], "num_examples": rows}
            for split, rows in config.rows.items()
        ],
        "download_size": config.size,
        "dataset_size": sum(config.bytes.values()),
    }


def _lead(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> str:
    lines = [f"# {title_of(material)}", ""]
    if material.facts["simulated"]:
        lines += [
            "> **Simulated ratings.** Some or all of these ratings were cast by simulated raters to try out the "
            "machinery. They say nothing about people or pictures.",
            "",
        ]
    if material.settings.description:
        lines += [material.settings.description, ""]
    axis = axes[0]
    lines.append(
        f"Version {material.version}: {rows.num_rows:,} photos with {material.tables['ratings'].num_rows:,} single "
        f"ratings. The score answers *{axis.question}* on the scale {axis.scale}."
        if "ratings" in material.tables
        else f"Version {material.version}: {rows.num_rows:,} photos. The score answers *{axis.question}* on the scale "
        f"{axis.scale}."
    )
    return "\n".join(lines)


def _loading(material: Material, configs: list[Written]) -> str:
    listing = "\n".join(
        f"- `{config.name}` ({sum(config.rows.values()):,} rows): "
        f"{DESCRIPTIONS[config.name].format(k=material.settings.k_anonymity)}"
        for config in configs
    )
    return (
        "## Loading\n\n```python\nfrom datasets import load_dataset\n\n"
        'photos = load_dataset("PATH_OR_REPOSITORY", "default")          # with pictures\n'
        'scores = load_dataset("PATH_OR_REPOSITORY", "scores")           # without\n'
        f"```\n\nConfigurations:\n\n{listing}\n\n"
        "Columns that everybody uses: `score` with `ci_low` and `ci_high` (the release's method), `mos`, `sd`, `n` and "
        "`histogram` (plain), `split`, `group_id` (photos of one group are never split apart). Pictures are the "
        "original bytes with all metadata removed, and no pixel touched; `image_kind` says `rendition` where a format "
        "that readers may not open was converted."
    )


def _composition(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> str:
    lines = ["## What is in it", "", "| | photos |", "| --- | ---: |"]
    for heading, found in material.facts["funnel"].items():
        lines += [f"| {heading}: {what} | {count:,} |" for what, count in found.items()]
    for reason, count in material.facts["kept_out"].items():
        lines.append(f"| kept out of the release: {reason} | {count:,} |")
    lines += [f"| **released** | **{rows.num_rows:,}** |", ""]
    formats = Counter(zip(rows["format"].to_pylist(), rows["image_kind"].to_pylist(), strict=True))
    lines.append("Pictures: " + ", ".join(f"{n:,} {kind} {name}" for (name, kind), n in sorted(formats.items())) + ".")
    lines += ["", "| column | mean | least | greatest |", "| --- | ---: | ---: | ---: |"]
    for axis in axes:
        for name in ("score", "mos", "sd", "n"):
            values = np.array([v for v in rows[axis.prefix + name].to_pylist() if v is not None], dtype=float)
            if len(values):
                lines.append(f"| {axis.prefix}{name} | {values.mean():.3f} | {values.min():.3f} | {values.max():.3f} |")
    return "\n".join(lines)


def _ratings(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> str:
    lines = ["## Ratings and scores", "", "![Distribution of the scores](plots/scores.svg)", ""]
    lines += [f"- *{axis.question}*, scale {axis.scale}: {axis.ratings:,} counted ratings" for axis in axes]
    lines += ["", "`METHODS.md` is a methods section filled from the data: selection, ratings, scores, splits."]
    lines += ["", "### Reliability", "", *reliability_table(material, axes)]
    screened = screening_lines(material)
    if screened:
        lines += ["", "### Screening", "", *screened]
    lines += ["", "### What the score follows", "", *bias_lines(rows)]
    return "\n".join(lines)


def _splits(material: Material) -> str:
    certificate = material.facts["certificate"]
    sizes = ", ".join(f"{split} {count:,}" for split, count in certificate["splits"].items())
    nearest = [
        f"{method}: {found['distance_bits']} of {found['bits']} bits"
        for method, found in certificate["nearest_across_splits"].items()
        if found.get("bits")
    ]
    text = (
        f"## Splits that cannot leak\n\n{sizes}. Near copies, bursts, photographers and sessions are kept together: "
        f"{certificate['groups']:,} connected groups, the largest of {certificate['largest_group']:,} photos, "
        f"{certificate['crossings']} crossings (`certificate.json`)."
    )
    if nearest:
        text += " Nearest pair across splits, by perceptual hash: " + "; ".join(nearest) + "."
    for group in certificate["large_groups"]:
        kinds = ", ".join(group["made_by"])
        text += f" Group {group['group_id']} holds {group['share']:.0%} of all photos, made by {kinds}."
    return text


def _people_and_rights(material: Material, rows: pa.Table) -> str:
    licences = Counter(value or "unknown" for value in rows["license"].to_pylist())
    lines = ["## People and rights", "", "| licence of the photo | photos |", "| --- | ---: |"]
    lines += [f"| {name} | {count:,} |" for name, count in sorted(licences.items(), key=lambda x: (-x[1], x[0]))]
    lines += [
        "",
        "A photo's licence stands in `license`, and whom to credit in `attribution`; where the licence is unknown, "
        "none is assumed. Raters appear under pseudonyms that are this dataset's own, times are relative to "
        f"the rater's session, and traits stand only in groups of {material.settings.k_anonymity} and more. "
        "Locations, serial numbers, owners' names, maker notes and thumbnails are not in the published bytes.",
    ]
    raters = raters_lines(material)
    if raters:
        lines += ["", "What raters told of themselves:", "", *raters]
    if material.settings.contact:
        lines += ["", f"Questions and requests to take something down: {material.settings.contact}"]
    return "\n".join(lines)
