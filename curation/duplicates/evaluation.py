"""How well copies are told from different photos, on pairs that people have labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from curation.duplicates.comparison import Comparison, compare
from curation.duplicates.looks import Look, in_form
from curation.duplicates.proposals import FORMS, INVERSE
from curation.fingerprints import Fingerprints, Form


class PairLabel(StrEnum):
    """What a person says of a pair."""

    EXACT = "exact"
    NEAR = "near"
    POLICY = "policy"
    """Mirrored or turned: whether that is the same photo is for the curator to say; counted apart."""
    DIFFERENT = "different"


SAME = (PairLabel.EXACT, PairLabel.NEAR)
"""Labels of pairs that any curator holds to be the same photo."""


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
class Kind:
    """The pairs of one label and relation: how many there are, and how many a method takes for the same."""

    label: PairLabel
    relation: str
    pairs: int
    taken: int


@dataclass(frozen=True)
class Score:
    """One method's decisions, counted by label and relation.

    Parameters
    ----------
    kinds : tuple of Kind
        In the order of the labels, then by relation.
    """

    method: str
    kinds: tuple[Kind, ...]

    def _counted(self, *labels: PairLabel) -> tuple[int, int]:
        chosen = [kind for kind in self.kinds if kind.label in labels]
        return sum(kind.pairs for kind in chosen), sum(kind.taken for kind in chosen)

    @property
    def together(self) -> int:
        """Pairs labelled exact or near."""
        return self._counted(*SAME)[0]

    @property
    def found(self) -> int:
        """Those of them that the method takes for the same."""
        return self._counted(*SAME)[1]

    @property
    def apart(self) -> int:
        """Pairs labelled different."""
        return self._counted(PairLabel.DIFFERENT)[0]

    @property
    def merged(self) -> int:
        """Those of them that the method takes for the same."""
        return self._counted(PairLabel.DIFFERENT)[1]

    @property
    def policy(self) -> int:
        """Pairs labelled policy; they count in neither precision nor recall."""
        return self._counted(PairLabel.POLICY)[0]

    @property
    def policy_found(self) -> int:
        """Those of them that the method takes for the same."""
        return self._counted(PairLabel.POLICY)[1]

    @property
    def missed(self) -> dict[str, int]:
        """Pairs that were not found, by relation."""
        lost = Counter[str]()
        for kind in self.kinds:
            if kind.label in SAME:
                lost[kind.relation] += kind.pairs - kind.taken
        return dict(+lost)

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
    """Count one method's decisions on labelled pairs; a pair without a relation has its label's name."""
    pairs_of, taken_of = Counter[tuple[PairLabel, str]](), Counter[tuple[PairLabel, str]]()
    for pair in pairs:
        kind = (pair.label, pair.relation or str(pair.label))
        pairs_of[kind] += 1
        taken_of[kind] += same(pair.file_a, pair.file_b)
    labels = list(PairLabel)
    kinds = sorted(pairs_of, key=lambda kind: (labels.index(kind[0]), kind[1]))
    return Score(method, tuple(Kind(*kind, pairs_of[kind], taken_of[kind]) for kind in kinds))


def nearest(a: Fingerprints, b: Fingerprints, forms: Sequence[Form]) -> tuple[int, Form]:
    """Smallest Hamming distance of two photos' 64-bit words, and the form of the second that it belongs to."""
    ours, theirs = (one.upright for one in (a, b))
    upright = min(bits_apart(x, y) for x in ours for y in theirs)
    found = [(upright, Form.UPRIGHT)]
    for form in forms:
        turned, undone = b.in_form(form), a.in_form(INVERSE.get(form, form))
        apart = [bits_apart(x, turned) for x in ours] + [bits_apart(y, undone) for y in theirs]
        found.append((min(apart), form))
    return min(found, key=lambda entry: (entry[0], FORMS.index(entry[1])))


def bits_apart(a: bytes, b: bytes) -> int:
    """Hamming distance in bits."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def look_at_files(a: Examined, b: Examined, form: Form) -> Comparison:
    """The second look at two files, the second one in a form."""
    return compare(a.look, in_form(b.look, form))
