"""`README.md`: the dataset card, its YAML for `datasets` and the Hub, and a datasheet filled from the data."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import yaml

from curation.licences import is_known
from flows.release.baselines import baseline_lines
from flows.release.biases import bias_lines, biases
from flows.release.citation import bibtex, title_of
from flows.release.datasheet import (
    asked_lines,
    design_lines,
    filter_lines,
    funnel_lines,
    raters_lines,
    reliability_table,
    screening_lines,
)
from flows.release.dictionary import meanings
from flows.release.wide import Axis
from schemas.settings.publish import Config
from warehouse.releases.features import yaml_feature

if TYPE_CHECKING:
    from flows.release.build import Material, Written

MOST_IN_A_CELL = 300
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
DESCRIPTIONS = {
    "default": "a photo a row: picture, score with interval, plain mean, split, group, what is known of the photo",
    "scores": "the same without pictures: loads in a second",
    "ratings": "every single rating, with the rater's pseudonym, session, position and role",
    "raters": "a rater and question a row: bias, inconsistency, agreement, coarse traits in groups of {k} and more",
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
        _loading(configs, axes, material),
        _asked(material, axes),
        _scores(material, rows, axes),
        "## What the score follows\n\nKnown biases, measured on this version, whatever comes of it.\n\n"
        "![Rank correlations of the score with what is known of photos](plots/biases.svg)\n\n"
        + "\n".join(bias_lines(biases(rows))),
        _raters(material),
        _collection(material, rows),
        _splits(material),
        _rights(material, rows),
        _baselines(material),
        _uses(material),
        f"## Citation\n\n```bibtex\n{bibtex(material)}\n```\n\n`CITATION.cff` says the same. Cite the version: "
        "versions never change, and another version is another dataset.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


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
    text = f"Version {material.version}: {rows.num_rows:,} photos"
    if "ratings" in material.tables:
        ratings = material.tables["ratings"]
        text += f" with {ratings.num_rows:,} single ratings by {len(ratings['rater_id'].unique()):,} raters"
    text += f". The score answers *{axis.question}* on the scale {axis.scale}"
    reliability = next(
        (r["value"] for r in material.facts["reliability"]
         if (r["question"], r["scale"], r["measure"], r["stratum"], r["screening"])
         == (axis.question, axis.scale, "icc1k", "all", "none")), None)  # fmt: skip
    text += f" (reliability ICC(1,k) {reliability:.2f})." if reliability is not None else "."
    if material.facts.get("redacted"):
        text += " It is a redacted version: what somebody asked to have taken down is not in it any more."
    return "\n".join([*lines, text])


def _loading(configs: list[Written], axes: tuple[Axis, ...], material: Material) -> str:
    listing = "\n".join(
        f"| `{config.name}` | {sum(config.rows.values()):,} | {config.size / 1e6:,.1f} | "
        f"{DESCRIPTIONS[config.name].format(k=material.settings.k_anonymity)} |"
        for config in configs
    )
    others = ", ".join(f"`{axis.prefix}score`" for axis in axes[1:])
    columns = [
        ("photo_id", "SHA-256 of the original file: the photo's lasting name"),
        ("score, ci_low, ci_high", f"by the method `{material.method}`, with its 95 % interval, in scale units"),
        ("mos, mos_ci_low, mos_ci_high, sd, n, histogram", "plain mean opinion score and what it rests on"),
        ("split, group_id", "photos of one group are never split apart"),
        ("inclusion_probability, selected_by, stratum", "how the photo was chosen for rating; null where not known"),
        ("license, attribution", "of this photo; null where not known"),
    ]
    table = "\n".join(f"| `{name}` | {what} |" for name, what in columns)
    every = "\n\n".join(_dictionary(config, axes) for config in configs if config.name != Config.SCORES)
    return (
        "## Loading\n\n```python\nfrom datasets import load_dataset\n\n"
        'photos = load_dataset("PATH_OR_REPOSITORY", "default")          # with pictures\n'
        'scores = load_dataset("PATH_OR_REPOSITORY", "scores")           # without\n'
        "```\n\n| configuration | rows | MB | what |\n| --- | ---: | ---: | --- |\n"
        f"{listing}\n\n| column | meaning |\n| --- | --- |\n{table}\n\n"
        + (f"Further questions stand beside: {others}, and so on. " if others else "")
        + "Pictures are the original bytes with all metadata removed, and no pixel touched; `image_kind` says "
        "`rendition` where a format that readers may not open was converted.\n\n"
        f"<details><summary>Every column of every configuration</summary>\n\n{every}\n\n</details>"
    )


def _dictionary(config: Written, axes: tuple[Axis, ...]) -> str:
    """The columns of a configuration, a row each."""
    title = "`default`, and `scores` without the picture" if config.name == "default" else f"`{config.name}`"
    told = meanings(config.name, config.schema.names, axes)
    rows = "\n".join(f"| `{name}` | {_in_a_cell(what)} |" for name, what in told)
    return f"{title}\n\n| column | meaning |\n| --- | --- |\n{rows}"


def _asked(material: Material, axes: tuple[Axis, ...]) -> str:
    lines = ["## What raters were asked", "", *asked_lines(material), "### Who saw what", "", *design_lines(material)]
    return "\n".join(lines)


def _scores(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> str:
    lines = ["## Scores", "", "![Distribution of the scores](plots/scores.svg)", "",
             "![Width of the interval against the score](plots/uncertainty.svg)", "",
             "| column | photos | mean | SD | least | greatest |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for axis in axes:
        for name in ("score", "mos", "sd", "n"):
            values = np.array([v for v in rows[axis.prefix + name].to_pylist() if v is not None], dtype=float)
            if len(values):
                lines.append(f"| {axis.prefix}{name} | {len(values):,} | {values.mean():.2f} | {values.std():.2f} | "
                             f"{values.min():.2f} | {values.max():.2f} |")  # fmt: skip
    lines += ["", "### Reliability", "", *reliability_table(material, axes)]
    lines += ["", "### Screening", "", *screening_lines(material, axes)]
    lines += ["", "`METHODS.md` is a methods section filled from the data: protocol, design, scores, screening."]
    return "\n".join(lines)


def _raters(material: Material) -> str:
    k = material.settings.k_anonymity
    lines = [
        "## Raters",
        "",
        "Raters appear under pseudonyms that are this dataset's own; times are relative to the rater's session; what "
        f"they told of themselves is coarse and stands only where {k} and more raters share the whole combination. "
        "Taste is not noise: `ratings` keeps every single vote.",
    ]
    if told := raters_lines(material):
        lines += ["", *told]
    return "\n".join(lines)


def _collection(material: Material, rows: pa.Table) -> str:
    formats = Counter(zip(rows["format"].to_pylist(), rows["image_kind"].to_pylist(), strict=True))
    sources = Counter(rows["source_format"].to_pylist())
    years = sorted(year for year in rows["captured_year"].to_pylist() if year)
    lines = ["## How the photos came in", "", *funnel_lines(material, rows.num_rows), ""]
    lines.append("Originals: " + ", ".join(f"{n:,} {name}" for name, n in sorted(sources.items())) + ". Published as: "
                 + ", ".join(f"{n:,} {kind} {name}" for (name, kind), n in sorted(formats.items())) + ".")  # fmt: skip
    if years:
        lines.append(f"Taken in {years[0]} to {years[-1]}, as far as cameras wrote it down ({len(years):,} photos).")
    if any(copies and copies > 1 for copies in rows["near_copies"].to_pylist()):
        lines.append("Of near copies one is released; votes on the others stand in `ratings` under their own "
                     "`photo_id`, with `released_photo_id`.")  # fmt: skip
    if rules := filter_lines(material):
        lines += ["", *rules]
    return "\n".join(lines)


def _splits(material: Material) -> str:
    certificate = material.facts["certificate"]
    total = certificate["photos"]
    lines = ["## Splits that cannot leak", "", "| split | photos | share |", "| --- | ---: | ---: |"]
    lines += [f"| {s} | {n:,} | {n / total:.1%} |" for s, n in sorted(certificate["splits"].items(), key=_by_use)]
    lines += [
        "",
        f"Near copies, bursts, photographers and sessions are kept together: {certificate['groups']:,} connected "
        f"groups, {certificate['groups_of_two_and_more']:,} of two and more photos, the largest of "
        f"{certificate['largest_group']:,}. **{certificate['crossings']} links cross splits** (`certificate.json`).",
    ]
    for method, found in certificate["nearest_across_splits"].items():
        if found.get("bits"):
            a, b = found["pair"]
            apart = f"{found['distance_bits']} of {found['bits']} bits apart"
            lines.append(f"- nearest pair across splits by `{method}`: {apart} (`{a[:12]}`, `{b[:12]}`)")
        else:
            lines.append(f"- nearest pair across splits by `{method}`: {found['note']}")
    for group in certificate["large_groups"]:
        kinds = ", ".join(f"{kind} ({count:,})" for kind, count in group["made_by"].items())
        lines.append(f"- **group `{group['group_id']}` holds {group['share']:.0%} of all photos**, made by {kinds}.")
    return "\n".join(lines)


def _by_use(item: tuple[str, int]) -> int:
    return ("train", "validation", "test").index(item[0])


def _rights(material: Material, rows: pa.Table) -> str:
    known = material.settings.known_licences
    licences = Counter(
        "unknown" if not text else text if is_known(text, known) else f"unknown: the file says “{_in_a_cell(text)}”"
        for text in rows["license"].to_pylist()
    )
    lines = ["## Rights and privacy", "", "| licence of the photo | photos |", "| --- | ---: |"]
    lines += [f"| {name} | {count:,} |" for name, count in sorted(licences.items(), key=lambda x: (-x[1], x[0]))]
    lines += [
        "",
        "A photo's licence stands in `license`, and whom to credit in `attribution`; where the licence is unknown, "
        "none is assumed. Locations, serial numbers, owners' names, maker notes and thumbnails are not in the "
        "published bytes. ",
    ]
    if material.settings.opted_out_because:
        lines.append("Photos that carry an opt-out signal are in it, because: "
                     f"{material.settings.opted_out_because}")  # fmt: skip
    else:
        lines.append("Photos that carry an opt-out signal (TDM reservation, 'no AI training') are not in it.")
    return "\n".join(lines)


def _baselines(material: Material) -> str:
    found = material.facts.get("baselines")
    return "\n".join(["## What models reach", "", *baseline_lines(found)]) if found else ""


def _in_a_cell(text: str) -> str:
    """A text as it can stand in a table of Markdown."""
    return re.sub(r"([|*])", r"\\\1", " ".join(text.split())[:MOST_IN_A_CELL])


def _uses(material: Material) -> str:
    certificate = material.facts["certificate"]
    lines = [
        "## Uses, limits, upkeep",
        "",
        "- **For**: models of aesthetic quality, personal taste (`fewshot`), studies of agreement between people.",
        f"- **Limits**: {certificate['groups']:,} independent groups of photos. Scores hold for these raters and this "
        "question, not for people in general; no model agrees with them better than new raters would (reliability).",
        "- **Not for**: judging people in photos, or deciding about persons.",
        "- **Upkeep**: a version never changes. Major: meaning or splits change; minor: photos or ratings come or go; "
        "patch: the card. A version that somebody's request withdraws leaves a tombstone that names its successor.",
    ]
    if material.settings.contact:
        lines.append(f"- **Questions, and requests to take something down**: {material.settings.contact}")
    return "\n".join(lines)
