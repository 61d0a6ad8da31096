"""Gates: what a release must reach, by how much it fails, and what would mend it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from curation.licences import is_known
from flows.release.build import Material
from flows.release.wide import Axis
from labeling.identity import PSEUDONYM
from schemas.errors import GateRefused
from schemas.settings.publish import GateSettings
from schemas.settings.publish import Pseudonyms as PseudonymChoice


@dataclass(frozen=True)
class Gate:
    """One gate with its figure.

    Parameters
    ----------
    passed : bool
        Whether the release gets through.
    figure, limit : float
        What was found, and what the gate asks for.
    sentence : str
        By how much it fails and what would mend it; empty where it passed.
    """

    name: str
    passed: bool
    figure: float
    limit: float
    sentence: str = ""


def check_gates(material: Material, rows: pa.Table, axes: tuple[Axis, ...], gates: GateSettings) -> list[Gate]:
    """All gates that are on, with their figures."""
    found = [_no_crossing(material), _no_location(rows, material), _no_name_of_a_rater(material)]
    found.append(_unreadable(material, gates))
    for axis in axes:
        found += _of_axis(rows, axis, gates)
    if gates.licences_known:
        found.append(_licences(rows, gates.licences_known, material.settings.known_licences))
    if gates.least_reliability:
        found += _reliabilities("least_reliability", material, axes[0], gates.least_reliability, overall=True)
    if gates.least_stratum_reliability:
        limit = gates.least_stratum_reliability
        found += _reliabilities("least_stratum_reliability", material, axes[0], limit, overall=False)
    return found


def refuse_unless_passed(gates: Iterable[Gate]) -> None:
    """Raise GateRefused with a sentence for every gate that does not pass."""
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        sentences = " ".join(f"Gate {gate.name}: {gate.sentence}" for gate in failed)
        raise GateRefused(
            f"the release is refused, and nothing was written. {sentences}", gates=tuple(g.name for g in failed)
        )


def as_facts(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """Gates as they stand in the manifest and in the `releases` row."""
    return [{k: v for k, v in asdict(gate).items() if k != "sentence"} for gate in gates]


def _no_crossing(material: Material) -> Gate:
    certificate = material.facts["certificate"]
    crossings = int(certificate["crossings"])
    kinds = ", ".join(f"{count} by {kind}" for kind, count in certificate["crossing_kinds"].items())
    return Gate(
        "no_crossing", crossings == 0, crossings, 0,
        f"{crossings} links tie photos of different splits ({kinds}), where none may; `salon publish NAME --resplit` "
        "draws new splits in a major version." if crossings else "",
    )  # fmt: skip


def _no_location(rows: pa.Table, material: Material) -> Gate:
    """Published pictures are checked as they are written; here it is the columns."""
    words = ("latitude", "longitude", "gps", "location")
    tables = {"default": rows, **material.tables}
    wrong = sorted(f"{t}.{c}" for t, table in tables.items() for c in table.column_names if c.lower() in words)
    return Gate(
        "no_location", not wrong, len(wrong), 0, f"columns {', '.join(wrong)} hold a location." if wrong else ""
    )


def _no_name_of_a_rater(material: Material) -> Gate:
    own = material.settings.pseudonyms is PseudonymChoice.RELEASE
    wrong = 0
    for table in material.tables.values():
        if "rater_id" in table.column_names:
            names = table["rater_id"].unique().to_pylist()
            wrong += sum(not PSEUDONYM.fullmatch(name) for name in names)
    sentence = f"{wrong} raters stand under something that is no pseudonym"
    sentence += "." if own else "; set publish.pseudonyms to 'release'."
    return Gate("no_rater_name", wrong == 0, wrong, 0, sentence if wrong else "")


def _unreadable(material: Material, gates: GateSettings) -> Gate:
    count = len(material.unreadable)
    first = next(iter(material.unreadable.values()), "")
    return Gate(
        "unreadable", count <= gates.unreadable, count, gates.unreadable,
        f"{count} photos cannot be published, {gates.unreadable} may fail ({first}) Bring the files back, ingest them "
        "from where they are now, or raise publish.gates.unreadable." if count > gates.unreadable else "",
    )  # fmt: skip


def _of_axis(rows: pa.Table, axis: Axis, gates: GateSettings) -> Iterable[Gate]:
    """Number of ratings and width of the interval, on one question."""
    table = rows.select([f"{axis.prefix}{c}" for c in ("n", "ci_low", "ci_high")]).to_pylist()
    if gates.least_n:
        counts = [row[f"{axis.prefix}n"] or 0 for row in table]
        low = sum(n < gates.least_n for n in counts)
        yield Gate(
            f"least_n:{axis.question}", low == 0, min(counts), gates.least_n,
            f"{low} of {len(counts)} photos have fewer than {gates.least_n} ratings (the least has {min(counts)}); "
            f"{sum(max(0, gates.least_n - n) for n in counts)} more ratings of them would do." if low else "",
        )  # fmt: skip
    if gates.widest_interval:
        known = [(row[f"{axis.prefix}ci_low"], row[f"{axis.prefix}ci_high"]) for row in table]
        widths = [high - low if low is not None and high is not None else float("inf") for low, high in known]
        wide = sum(width > gates.widest_interval for width in widths)
        worst = max(widths)
        yield Gate(
            f"widest_interval:{axis.question}", wide == 0, min(worst, 1e9), gates.widest_interval,
            f"{wide} of {len(widths)} scores have an interval wider than {gates.widest_interval:g} (the widest: "
            f"{worst:.3g}); intervals shrink with the root of the number of ratings, so the widest needs about "
            f"{(worst / gates.widest_interval) ** 2:.1f} times its ratings." if wide else "",
        )  # fmt: skip


def _licences(rows: pa.Table, least: float, also: Collection[str]) -> Gate:
    total = rows.num_rows
    known = sum(is_known(licence, also) for licence in rows["license"].to_pylist())
    share = known / total
    return Gate(
        "licences_known", share >= least, share, least,
        f"the licence of {share:.1%} of the photos is known, {least:.1%} is asked for: name the licences of "
        f"{int(-(-least * total // 1)) - known} more photos in the sources' tables and ingest again."
        if share < least else "",
    )  # fmt: skip


def _reliabilities(name: str, material: Material, axis: Axis, least: float, overall: bool) -> Iterable[Gate]:
    """Reliability ICC(1,k) of the mean score, over all photos or in every stratum."""
    rows = [
        row
        for row in material.facts["reliability"]
        if (row["question"], row["scale"]) == (axis.question, axis.scale)
        and row["measure"] == "icc1k"
        and (row["stratum"] == "all") == overall
    ]
    if not rows:
        where = "all photos" if overall else "any stratum"
        yield Gate(name, False, 0.0, least, f"no reliability is known over {where}: run salon score.")
    for row in rows:
        where = "all photos" if overall else f"stratum {row['stratum']}"
        yield _reliability(name if overall else f"{name}:{row['stratum']}", where, row["value"], least)


def _reliability(name: str, where: str, figure: float | None, least: float) -> Gate:
    if figure is None:
        return Gate(name, False, 0.0, least, f"there are too few ratings over {where} to work out a reliability.")
    need = least * (1 - figure) / (figure * (1 - least)) if 0 < figure < 1 and least < 1 else float("inf")
    return Gate(
        name, figure >= least, figure, least,
        f"ICC(1,k) over {where} is {figure:.3f}, {least:.3f} is asked for: about {need:.1f} times the ratings per "
        "photo would reach it (Spearman-Brown)." if figure < least else "",
    )  # fmt: skip
