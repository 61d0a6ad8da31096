"""Gathering what each rule looks at, and asking the rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.filtering.decisions import Decisions, decide
from curation.filtering.values import decide_values
from flows.context import Run
from schemas.errors import WrongUse
from schemas.settings.rules import RangeRule, Rule, ValuesRule
from warehouse.facts import numbers_of, numeric_measures, text_columns, texts_of


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
    return Applied(rules, tuple(notes))


def why_not(rule: Rule, run: Run) -> str:
    """Why a rule cannot be evaluated; empty where it can."""
    if not isinstance(rule, RangeRule | ValuesRule):
        return f"rules of kind '{rule.kind}' are not there yet"
    if isinstance(rule, RangeRule) and rule.measure not in numeric_measures():
        return f"'{rule.measure}' is no measure (there are {', '.join(numeric_measures())})"
    if isinstance(rule, ValuesRule) and rule.column not in text_columns():
        return f"'{rule.column}' is no text column of photos (there are {', '.join(text_columns())})"
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

    def space_of(self, rule: Rule) -> str:
        """Name of the space whose vectors a rule looks at; empty where it looks at none."""
        return ""

    def decide(self, rule: Rule) -> Decisions:
        """The rule's decisions about the representatives, in their order."""
        if isinstance(rule, RangeRule):
            return decide(rule, _floats(self.numbers[rule.measure]), rule.measure, f"{rule.measure} is not known")
        if isinstance(rule, ValuesRule):
            return decide_values(rule, texts_of(self._run.warehouse, rule.column)["known"].to_pylist())
        raise AssertionError(rule)


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(column.to_numpy(), dtype=np.float64)
