"""Which rules can be evaluated, and what each of them looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.embedding.protocol import TextEmbedder, Vectors
from curation.filtering.decisions import Decisions, Scores, decide, needs_vectors
from curation.filtering.heads import belongs_to, read_head
from curation.filtering.prompts import ORDINARY, ensembles, known_classes, margins
from curation.filtering.similarity import (
    likeness,
    neighbour_distance,
    places_in_groups,
    reference_rows,
    robust_deviation,
    scenes,
)
from curation.filtering.values import decide_values
from flows.context import Run
from flows.embedders import has_text, make_embedder, matrix_of, space_name
from flows.filter_faces import count_faces
from schemas.errors import SalonError, WrongUse
from schemas.settings.rules import (
    CapRule,
    ExemplarRule,
    FacesRule,
    HeadRule,
    PromptRule,
    RangeRule,
    Rule,
    ScoredRule,
    TypicalityRule,
    ValuesRule,
)
from warehouse.facts import find_photos, groups_of, numbers_of, numeric_measures, text_columns, texts_of
from warehouse.vectors import VectorMatrix, vectors_of

MOST_FOR_SCENES = 200_000
"""Photos among which scenes are looked for; every pair is compared."""
DIGITS = 6
"""Scores from vectors are rounded: another processor may add in another order."""


@dataclass(frozen=True)
class Applied:
    """Rules that can be evaluated, and sentences about those that cannot."""

    rules: dict[str, Rule]
    notes: tuple[str, ...]


def applicable(run: Run) -> Applied:
    """Look at every rule before any work: what cannot be evaluated is said now, not after an hour.

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
    if isinstance(rule, RangeRule) and rule.measure not in numeric_measures():
        return f"'{rule.measure}' is no measure (there are {', '.join(numeric_measures())})"
    if isinstance(rule, ValuesRule) and rule.column not in text_columns():
        return f"'{rule.column}' is no text column of photos (there are {', '.join(text_columns())})"
    if isinstance(rule, PromptRule):
        unknown = [name for name in rule.classes if name not in known_classes()]
        if unknown:
            return f"there is no class '{unknown[0]}' (there are {', '.join(known_classes())})"
        if not has_text(run.settings.embed):
            return f"the embedder '{run.settings.embed.embedder}' has no text half"
    if isinstance(rule, ExemplarRule):
        for name, found in find_photos(run.warehouse, rule.like).items():
            if len(found) != 1:
                return f"'{name}' names {len(found) or 'no'} photos, one is expected"
    return _why_no_vectors(rule, run) if needs_vectors(rule) else ""


def _why_no_vectors(rule: Rule, run: Run) -> str:
    try:
        space = space_name(run.settings.embed)
    except SalonError as error:
        return str(error).rstrip(".")
    if isinstance(rule, HeadRule):
        stranger = belongs_to(Path(rule.file), rule.model, space)
        if stranger:
            return f"the head {rule.file}: {stranger}"
        read_head(Path(rule.file))
    found = run.warehouse.query(
        """SELECT (SELECT count(*) FROM embeddings WHERE model = ?) AS vectors,
                  (SELECT count(*) FROM representatives) AS photos""",
        [space],
    ).to_pylist()[0]
    if found["photos"] and not found["vectors"]:
        return f"there are no vectors of {space} (run `salon embed`)"
    if isinstance(rule, CapRule) and found["photos"] > MOST_FOR_SCENES:
        return f"scenes are looked for among at most {MOST_FOR_SCENES:,} photos, there are {found['photos']:,}"
    return ""


class Evidence:
    """What is known of every representative, read once and in one order."""

    def __init__(self, run: Run, rules: dict[str, Rule]) -> None:
        self._run = run
        self._rules = rules

    @cached_property
    def numbers(self) -> pa.Table:
        """Every number that a rule asks for."""
        wanted = [rule.measure for rule in self._rules.values() if isinstance(rule, RangeRule)]
        return numbers_of(self._run.warehouse, wanted)

    @property
    def photo_ids(self) -> pa.ChunkedArray:
        """The representatives, in order."""
        return self.numbers["photo_id"]

    @cached_property
    def ids(self) -> list[str]:
        """The representatives, in order, as Python strings."""
        return [str(photo_id) for photo_id in self.photo_ids.to_pylist()]

    @cached_property
    def space(self) -> str:
        """Name of the space whose vectors are looked at."""
        return space_name(self._run.settings.embed)

    @cached_property
    def matrix(self) -> VectorMatrix:
        """All vectors of the space."""
        return matrix_of(self._run, self.space)

    @cached_property
    def vectors(self) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """Vectors of the representatives in order, and who has one."""
        return vectors_of(self.matrix, self.ids)

    @cached_property
    def text(self) -> TextEmbedder:
        """The text half of the model."""
        embedder = make_embedder(self._run.settings.embed)
        assert isinstance(embedder, TextEmbedder)
        return embedder

    def space_of(self, rule: Rule) -> str:
        """Name of the space whose vectors a rule looks at; empty where it looks at none."""
        return self.space if needs_vectors(rule) else ""

    def decide(self, rule: Rule, passed: npt.NDArray[np.bool_]) -> Decisions:
        """The rule's decisions about the representatives, in their order.

        Parameters
        ----------
        rule : Rule
        passed : ndarray of bool
            Photos that the rules before let pass: caps count only those.
        """
        if isinstance(rule, ValuesRule):
            return decide_values(rule, texts_of(self._run.warehouse, rule.column)["known"].to_pylist())
        if isinstance(rule, CapRule):
            return self._cap(rule, passed)
        if isinstance(rule, RangeRule):
            column = np.asarray(self.numbers[rule.measure].to_numpy(), dtype=np.float64)
            return decide(rule, column, rule.measure, f"{rule.measure} is not known")
        if isinstance(rule, FacesRule):
            return decide(rule, count_faces(self._run, rule, self.ids), "faces found:", "the picture is not there")
        return self._by_vectors(rule)

    def _by_vectors(self, rule: ScoredRule) -> Decisions:
        vectors, there = self.vectors
        scores = np.full(len(vectors), np.nan)
        if there.any():
            scores[there] = np.round(self._scores(rule, vectors[there], there), DIGITS)
        what = {
            PromptRule: "margin over ordinary photographs",
            ExemplarRule: "likeness to the exemplars",
            TypicalityRule: "distance from the others, in robust deviations,",
            HeadRule: "predicted score",
        }[type(rule)]
        return decide(rule, scores, what, f"there is no vector of {self.space}")

    def _scores(self, rule: ScoredRule, vectors: Vectors, there: npt.NDArray[np.bool_]) -> Scores:
        if isinstance(rule, PromptRule):
            wanted = ensembles(rule.classes, rule.prompts, self.text.embed_text)
            return margins(vectors, wanted, ensembles((), rule.against or ORDINARY.sentences, self.text.embed_text))
        if isinstance(rule, ExemplarRule):
            found = find_photos(self._run.warehouse, rule.like)
            exemplars, _ = vectors_of(self.matrix, [photos[0] for photos in found.values()])
            return likeness(vectors, exemplars)
        if isinstance(rule, TypicalityRule):
            return self._typicality(rule, vectors, there)
        assert isinstance(rule, HeadRule)
        head = read_head(Path(rule.file))
        if head.dimensions != vectors.shape[1]:
            raise WrongUse(
                f"{rule.file}: the head takes vectors of {head.dimensions} numbers, those of {self.space} have "
                f"{vectors.shape[1]}."
            )
        return head.scores(vectors)

    def _typicality(self, rule: TypicalityRule, vectors: Vectors, there: npt.NDArray[np.bool_]) -> Scores:
        ids = [self.ids[k] for k in np.flatnonzero(there)]
        if len(ids) < 2:
            return np.full(len(ids), np.nan)
        chosen = reference_rows(ids, rule.reference)
        own = np.full(len(ids), -1)
        own[chosen] = np.arange(len(chosen))
        return robust_deviation(neighbour_distance(vectors, vectors[chosen], own, rule.neighbours))

    def _cap(self, rule: CapRule, passed: npt.NDArray[np.bool_]) -> Decisions:
        groups = self._scenes(rule) if rule.per == "scene" else groups_of(self._run.warehouse, rule.per)
        places = places_in_groups(self.ids, groups, passed)
        kept = ~(places > rule.most)
        reasons = [
            "passes" if kept[k] else f"place {places[k]:.0f} of {rule.most} in its {rule.per}, drawn by hash"
            for k in range(len(places))
        ]
        return Decisions(kept, places, np.full(len(places), float(rule.most)), reasons)

    def _scenes(self, rule: CapRule) -> Sequence[object]:
        vectors, there = self.vectors
        groups: list[object] = [None] * len(vectors)
        for k, number in zip(np.flatnonzero(there), scenes(vectors[there], rule.similarity), strict=True):
            groups[k] = int(number)
        return groups
