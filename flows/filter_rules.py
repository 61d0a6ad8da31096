"""What the rules look at, and what each of them decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.embedding.protocol import TextEmbedder, Vectors
from curation.filtering.decisions import Decisions, Scores, decide, needs_vectors
from curation.filtering.heads import read_head
from curation.filtering.prompts import ORDINARY, ensembles, margins
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
from flows.embedders import make_embedder, matrix_of, space_name
from flows.filter_faces import count_faces
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
from warehouse.facts import find_photos, groups_of, numbers_of, texts_of
from warehouse.places import Ids, Places, as_arrow
from warehouse.vectors import VectorMatrix, vectors_of

DIGITS = 6
"""Scores from vectors are rounded: another processor may add in another order."""


Ruling = Callable[[slice], Decisions]
"""What one rule decides about the photos from one place to another."""


class Evidence:
    """What is known of every representative, read once and in one order."""

    def __init__(self, run: Run, rules: dict[str, Rule]) -> None:
        self._run = run
        self._rules = rules

    @cached_property
    def _known(self) -> tuple[Ids, dict[str, Scores]]:
        wanted = [rule.measure for rule in self._rules.values() if isinstance(rule, RangeRule)]
        return numbers_of(self._run.warehouse, wanted)

    @property
    def numbers(self) -> dict[str, Scores]:
        """Every number that a rule asks for; NaN where it is not known."""
        return self._known[1]

    @cached_property
    def photo_ids(self) -> pa.Array:
        """The representatives, in order."""
        return as_arrow(self._known[0])

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

    def words(self, rule: ValuesRule) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int32]]:
        """All sets of words that are known in the rule's column, and the place of each representative's among them."""
        return texts_of(self._run.warehouse, rule.column, Places(self._known[0]))

    def space_of(self, rule: Rule) -> str:
        """Name of the space whose vectors a rule looks at; empty where it looks at none."""
        return self.space if needs_vectors(rule) else ""

    def decide(self, rule: Rule, passed: npt.NDArray[np.bool_]) -> Decisions:
        """The rule's decisions about all representatives; see `ruling`."""
        return self.ruling(rule, passed)(slice(0, len(self.photo_ids)))

    def ruling(self, rule: Rule, passed: npt.NDArray[np.bool_]) -> Ruling:
        """The rule's decisions about the representatives, in their order.

        Parameters
        ----------
        rule : Rule
        passed : ndarray of bool
            Photos that the rules before let pass: caps count only those.

        Returns
        -------
        Ruling
            Gives the decisions about those photos that a slice names. Where they follow from a score, the score
            alone is kept: the words for millions of photos would not fit in memory.
        """
        if isinstance(rule, ValuesRule):
            sets, place = self.words(rule)
            decided = decide_values(rule, sets)
            return lambda part: decided.take(place[part])
        if isinstance(rule, CapRule):
            return self._cap(rule, passed).part
        if isinstance(rule, RangeRule):
            numbers, unknown = self.numbers[rule.measure], f"{rule.measure} is not known"
            return lambda part: decide(rule, numbers[part], rule.measure, unknown)
        if isinstance(rule, FacesRule):
            faces = count_faces(self._run, rule, self.ids)
            return lambda part: decide(rule, faces[part], "faces found:", "the picture is not there")
        return self._by_vectors(rule)

    def _by_vectors(self, rule: ScoredRule) -> Ruling:
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
        unknown = f"there is no vector of {self.space}"
        return lambda part: decide(rule, scores[part], what, unknown)

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
        return read_head(Path(rule.file)).scores(vectors)

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
