"""How well copies are told from different photos, on pairs that people have labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from curation.duplicates.comparison import Comparison, compare
from curation.duplicates.looks import Look, in_form
from curation.duplicates.proposals import FORMS
from curation.fingerprints import Fingerprints, Form


class PairLabel(StrEnum):
    """What a person says of a pair."""

    EXACT = "exact"
    NEAR = "near"
    POLICY = "policy"
    """Mirrored or turned: whether that is the same photo is for the curator to say; counted apart."""
    DIFFERENT = "different"


@dataclass(frozen=True)
class LabelledPair:
    """A pair of files and what a person says of it."""

    file_a: str
    file_b: str
    label: PairLabel
    relation: str = ""


@dataclass(frozen=True)
class Examined:
    """What is known of one file."""

    fingerprints: Fingerprints
    look: Look


@dataclass(frozen=True)
class Score:
    """Counts of one method's decisions.

    Parameters
    ----------
    together : int
        Pairs labelled exact or near.
    found : int
        Those of them that the method takes for the same.
    apart : int
        Pairs labelled different.
    merged : int
        Those of them that the method takes for the same.
    policy, policy_found : int
        The same for pairs labelled policy; they count in neither precision nor recall.
    missed : dict of str to int
        Relations of the pairs that were not found.
    """

    method: str
    together: int
    found: int
    apart: int
    merged: int
    policy: int
    policy_found: int
    missed: Mapping[str, int]

    @property
    def precision(self) -> float | None:
        """Share of the pairs taken for the same that are; None where there are none."""
        taken = self.found + self.merged
        return self.found / taken if taken else None

    @property
    def recall(self) -> float | None:
        """Share of the same pairs that are found; None where there are none."""
        return self.found / self.together if self.together else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        whole = 2 * self.found + self.merged + (self.together - self.found)
        return 2 * self.found / whole if whole else None


def score(method: str, pairs: Iterable[LabelledPair], same: Callable[[str, str], bool]) -> Score:
    """Count one method's decisions on labelled pairs."""
    outcome: Counter[tuple[PairLabel, bool]] = Counter()
    missed: Counter[str] = Counter()
    for pair in pairs:
        decided = same(pair.file_a, pair.file_b)
        outcome[pair.label, decided] += 1
        if pair.label in (PairLabel.EXACT, PairLabel.NEAR) and not decided:
            missed[pair.relation or pair.label] += 1
    both = (PairLabel.EXACT, PairLabel.NEAR)
    found = sum(outcome[label, True] for label in both)
    return Score(
        method=method,
        together=found + sum(outcome[label, False] for label in both),
        found=found,
        apart=outcome[PairLabel.DIFFERENT, True] + outcome[PairLabel.DIFFERENT, False],
        merged=outcome[PairLabel.DIFFERENT, True],
        policy=outcome[PairLabel.POLICY, True] + outcome[PairLabel.POLICY, False],
        policy_found=outcome[PairLabel.POLICY, True],
        missed=dict(missed),
    )


def nearest(a: Fingerprints, b: Fingerprints, forms: Sequence[Form]) -> tuple[int, Form]:
    """Smallest Hamming distance of two photos' 64-bit words, and the form of the second that it belongs to."""
    ours = {a.phash64, a.trimmed64[:8]}
    upright = min(bits_apart(x, y) for x in ours for y in (b.phash64, b.trimmed64[:8]))
    found = [(upright, Form.UPRIGHT)]
    for form in forms:
        place = 8 * FORMS.index(form)
        found.append((bits_apart(a.phash64, b.phash64_forms[place : place + 8]), form))
    return min(found, key=lambda entry: (entry[0], FORMS.index(entry[1])))


def bits_apart(a: bytes, b: bytes) -> int:
    """Hamming distance in bits."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def look_at_files(a: Examined, b: Examined, form: Form) -> Comparison:
    """The second look at two files, the second one in a form."""
    return compare(a.look, in_form(b.look, form))
