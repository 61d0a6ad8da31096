"""Which rules can be evaluated: said before any work, not after an hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from curation.filtering.decisions import needs_vectors
from curation.filtering.heads import belongs_to, read_head
from curation.filtering.prompts import known_classes
from flows.context import Run
from flows.embedders import space_name, why_no_text
from schemas.errors import SalonError, WrongUse
from schemas.properties import PROPERTIES
from schemas.settings.rules import CapRule, ExemplarRule, HeadRule, PromptRule, RangeRule, Rule, ValuesRule
from warehouse.facts import find_photos, numeric_measures, text_columns

MOST_FOR_SCENES = 200_000
"""Photos among which scenes are looked for; every pair is compared."""


@dataclass(frozen=True)
class Applied:
    """Rules that can be evaluated, and sentences about those that cannot."""

    rules: dict[str, Rule]
    notes: tuple[str, ...]


def applicable(run: Run) -> Applied:
    """Look at every rule before any work.

    Raises
    ------
    WrongUse
        A rule without ``if_possible`` cannot be evaluated.
    """
    rules: dict[str, Rule] = {}
    notes: list[str] = []
    for name, rule in run.settings.filter.rules.items():
        if not rule.enabled:
            continue
        obstacle = why_not(rule, run)
        if not obstacle:
            rules[name] = rule
        elif rule.if_possible:
            notes.append(f"Rule '{name}' is not applied: {obstacle}.")
        else:
            raise WrongUse(
                f"rule '{name}' cannot be evaluated: {obstacle}; change [filter.rules.{name}], or set "
                "enabled = false or if_possible = true there."
            )
    # Caps count what all others let pass, so they come last.
    ordered = sorted(rules.items(), key=lambda item: isinstance(item[1], CapRule))
    return Applied(dict(ordered), tuple(notes))


def why_not(rule: Rule, run: Run) -> str:
    """Why a rule cannot be evaluated; empty where it can."""
    try:
        if isinstance(rule, RangeRule):
            return _why_no_measure(rule, run)
        if isinstance(rule, ValuesRule) and rule.column not in text_columns():
            return f"'{rule.column}' is no text column of photos (there are {', '.join(text_columns())})"
        if isinstance(rule, PromptRule):
            unknown = [name for name in rule.classes if name not in known_classes()]
            if unknown:
                return f"there is no class '{unknown[0]}' (there are {', '.join(known_classes())})"
            if silent := why_no_text(run.settings.embed):
                return silent
        return _why_no_vectors(rule, run) if needs_vectors(rule) else ""
    except SalonError as error:
        return str(error).rstrip(".")


def _why_no_measure(rule: RangeRule, run: Run) -> str:
    if rule.measure not in numeric_measures():
        return f"'{rule.measure}' is no measure (there are {', '.join(numeric_measures())})"
    if rule.measure not in PROPERTIES.schema.names:
        return ""
    known = run.warehouse.query(
        f'SELECT count(*) AS photos, count("{rule.measure}") AS measured FROM properties'
    ).to_pylist()[0]
    if known["photos"] and not known["measured"]:
        return f"'{rule.measure}' was not measured on any photo (set ingest.properties = \"full\" and ingest again)"
    return ""


def _why_no_vectors(rule: Rule, run: Run) -> str:
    space = space_name(run.settings.embed)
    if isinstance(rule, HeadRule):
        stranger = belongs_to(Path(rule.file), rule.model, space)
        if stranger:
            return f"the head {rule.file}: {stranger}"
    if isinstance(rule, ExemplarRule):
        for name, photos in find_photos(run.warehouse, rule.like).items():
            if len(photos) != 1:
                return f"'{name}' names {len(photos) or 'no'} photos, one is expected"
    found = run.warehouse.query(
        """SELECT (SELECT count(*) FROM embeddings WHERE model = $1) AS vectors,
                  (SELECT len(any_value(vector)) FROM embeddings WHERE model = $1) AS dimensions,
                  (SELECT count(*) FROM representatives) AS photos""",
        [space],
    ).to_pylist()[0]
    if isinstance(rule, HeadRule):
        wanted = read_head(Path(rule.file)).dimensions
        if found["vectors"] and wanted != found["dimensions"]:
            return f"{rule.file} takes vectors of {wanted} numbers, those of {space} have {found['dimensions']}"
    if found["photos"] and not found["vectors"]:
        return f"there are no vectors of {space} (run `salon embed`)"
    if isinstance(rule, CapRule) and found["photos"] > MOST_FOR_SCENES:
        return f"scenes are looked for among at most {MOST_FOR_SCENES:,} photos, there are {found['photos']:,}"
    return _why_no_exemplar(rule, run, space) if isinstance(rule, ExemplarRule) else ""


def _why_no_exemplar(rule: ExemplarRule, run: Run, space: str) -> str:
    photos = find_photos(run.warehouse, rule.like)
    rows = run.warehouse.query(
        "SELECT photo_id FROM embeddings WHERE model = ? AND list_contains(?, photo_id)",
        [space, [found[0] for found in photos.values()]],
    )
    there = set(rows["photo_id"].to_pylist())
    missing = [name for name, found in photos.items() if found[0] not in there]
    return f"'{missing[0]}' has no vector of {space} (run `salon embed`)" if missing else ""
