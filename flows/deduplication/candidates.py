"""Which pairs of photos the second look must still see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.duplicates.comparison import LOOK
from curation.duplicates.crowds import Ring
from curation.duplicates.hamming import Words
from curation.duplicates.proposals import FORMS, REFLECTIONS, TURNS, Proposals, WordList, propose
from curation.fingerprints import FingerprintMethod, Form
from flows.context import Run
from schemas.photos import COMPARED, Compared
from schemas.settings import DedupeSettings

KIND_METHODS = (FingerprintMethod.PHASH64, FingerprintMethod.TRIMMED64, *[FingerprintMethod.PHASH64_FORMS] * len(FORMS))

WORDS = f"""
    SELECT p.photo_id, h.bits AS plain, t.bits AS trimmed, f.bits AS forms,
        coalesce(x.bits, unhex(p.photo_id)) AS pixels
    FROM photos p
    JOIN fingerprints h ON h.photo_id = p.photo_id AND h.method = '{FingerprintMethod.PHASH64}'
    LEFT JOIN fingerprints t ON t.photo_id = p.photo_id AND t.method = '{FingerprintMethod.TRIMMED64}'
    LEFT JOIN fingerprints x ON x.photo_id = p.photo_id AND x.method = '{FingerprintMethod.PIXELS}'
    LEFT JOIN fingerprints f ON f.photo_id = p.photo_id AND f.method = '{FingerprintMethod.PHASH64_FORMS}'
    ORDER BY p.photo_id
"""
PROPOSED = f"""
    SELECT photo_a, photo_b, method, form, distance FROM duplicate_pairs
    WHERE distance <= ? AND method IN ({", ".join(f"'{method}'" for method in sorted(set(KIND_METHODS)))})
"""
"""Pairs that the join proposed within a radius, without those that a group asked for."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A pair that fingerprints propose: `form` is what must be done to photo_b, None for nothing."""

    photo_a: str
    photo_b: str
    method: str
    distance: float
    form: str | None


def join_name(settings: DedupeSettings) -> str:
    """What was joined, so that a wider radius or another form of joining is seen to be missing."""
    forms = "+".join(
        word
        for word, wanted in (("mirrored", settings.mirrored_is_same), ("turned", settings.turned_is_same))
        if wanted
    )
    words = [FingerprintMethod.PHASH64, FingerprintMethod.TRIMMED64, *([forms] if forms else [])]
    return f"{'+'.join(words)} r{settings.radius} {LOOK}"


def forms_wanted(settings: DedupeSettings) -> list[Form]:
    """The mirrored and turned forms that count as the same photo."""
    chosen = (REFLECTIONS if settings.mirrored_is_same else frozenset()) | (
        TURNS if settings.turned_is_same else frozenset()
    )
    return [form for form in FORMS if form in chosen]


@dataclass(frozen=True)
class Photos:
    """The photos of a run, ascending by photo_id, and which of them are new to the join.

    Parameters
    ----------
    ids : pyarrow.Array
        Their photo_ids.
    leaders : (n,) int64
        For each photo the first of those with equal pixels: only leaders are joined and looked at.
    ring : (n,) uint64
        A number of each photo's pixels: see `curation.duplicates.crowds`.
    new : (n,) bool
        Leaders whose pairs are not complete yet.
    """

    ids: pa.Array
    words: WordList
    leaders: npt.NDArray[np.int64]
    ring: Ring
    new: npt.NDArray[np.bool_]

    def id(self, place: int) -> str:
        """The photo_id at a place."""
        return str(self.ids[place].as_py())


def read_photos(run: Run) -> Photos:
    """All photos with fingerprints; those read here and not yet marked are this run's to complete.

    The marks are read before the photos. Two runs at once are safe: whichever reads its photos later sees those
    of the other, joins its own new ones to them, and no pair is left to nobody.
    """
    settings = run.settings.dedupe
    name = join_name(settings)
    done = run.warehouse.query(f'SELECT photo_id FROM {COMPARED.name} WHERE "join" = ?', [name])
    table = run.warehouse.query(WORDS)
    ids = table["photo_id"].combine_chunks()
    plain = _words(table["plain"])
    trimmed = _words(table["trimmed"], otherwise=plain)
    leaders = _leaders(table["pixels"])
    forms = {}
    for form in forms_wanted(settings):
        forms[form] = _words(table["forms"], otherwise=plain, start=8 * FORMS.index(form))
    known = np.asarray(pa.compute.is_in(ids, value_set=done["photo_id"].combine_chunks()))
    leading = leaders == np.arange(len(ids))
    words = _only(WordList.of(plain, trimmed, forms), leading)
    return Photos(ids, words, leaders, _words(table["pixels"]), leading & ~known)


def _only(words: WordList, owners: npt.NDArray[np.bool_]) -> WordList:
    kept = owners[words.owners]
    return WordList(words.words[kept], words.owners[kept], words.kinds[kept])


def _words(column: pa.ChunkedArray, otherwise: Words | None = None, start: int = 0) -> Words:
    """Eight bytes of each value, from `start` on, as a big-endian word; of another list where there is no value."""
    cut = pa.compute.binary_slice(column, start, start + 8).combine_chunks()
    filled = pa.compute.fill_null(cut, bytes(8))
    joined = b"".join(islice((value.as_buffer() for value in filled), len(filled)))
    words = np.frombuffer(joined, ">u8").astype(np.uint64)
    if otherwise is not None and column.null_count:
        words = np.where(np.asarray(cut.is_null()), otherwise, words)
    return words


def _leaders(pixels: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """For each photo the first one with the same pixels."""
    indices = np.asarray(pixels.combine_chunks().dictionary_encode().indices)
    _, first, places = np.unique(indices, return_index=True, return_inverse=True)
    return np.asarray(first[places], np.int64)


def candidates(run: Run, photos: Photos) -> list[Candidate]:
    """The pairs that the join proposes for new photos and that nobody has looked at, in order."""
    settings = run.settings.dedupe
    proposals = propose(photos.words, photos.ring, photos.new, settings.radius, _known(run, photos))
    rows = _table(photos, proposals)
    fresh = run.warehouse.query(
        "SELECT * FROM proposed ANTI JOIN duplicate_pairs USING (photo_a, photo_b, method) ORDER BY photo_a, photo_b",
        extra={"proposed": rows},
    )
    return [Candidate(**row) for row in fresh.to_pylist()]


def _known(run: Run, photos: Photos) -> Proposals:
    """What the join has proposed before, among photos that are still there and still lead."""
    settings = run.settings.dedupe
    rows = run.warehouse.query(PROPOSED, [settings.radius])
    first, second = (
        np.asarray(pa.compute.index_in(rows[name], value_set=photos.ids).fill_null(-1)).astype(np.int64)
        for name in ("photo_a", "photo_b")
    )
    kinds = [kind_of(*pair) for pair in zip(rows["method"].to_pylist(), rows["form"].to_pylist(), strict=True)]
    kind = np.array(kinds, np.uint8)
    wanted = np.isin(kind, [0, 1, *(2 + FORMS.index(form) for form in forms_wanted(settings))])
    leading = photos.leaders == np.arange(photos.leaders.size)
    wanted &= (first >= 0) & (second >= 0) & leading[first] & leading[second]
    distance = np.asarray(rows["distance"]).astype(np.uint8)
    return Proposals.best((first[wanted], second[wanted]), distance[wanted], kind[wanted])


def kind_of(method: str, form: str | None) -> int:
    """The `Proposals.kind` of a row of `duplicate_pairs` that the join proposed."""
    return KIND_METHODS.index(FingerprintMethod(method)) if form is None else 2 + FORMS.index(Form(form))


def _table(photos: Photos, proposals: Proposals) -> pa.Table:
    methods = pa.array([str(method) for method in KIND_METHODS])
    forms = pa.array([None, None, *[str(form) for form in FORMS]], pa.string())
    return pa.table(
        {
            "photo_a": photos.ids.take(proposals.first),
            "photo_b": photos.ids.take(proposals.second),
            "method": methods.take(proposals.kind),
            "distance": proposals.distance.astype(np.float64),
            "form": forms.take(proposals.kind),
        }
    )


def mark_compared(run: Run, photos: Photos) -> int:
    """Mark the new photos: from now on only later photos are joined to them."""
    name = join_name(run.settings.dedupe)
    places = np.flatnonzero(photos.new)
    return run.warehouse.table(COMPARED).insert(
        Compared(photo_id=photo, join=name) for photo in photos.ids.take(places).to_pylist()
    )
