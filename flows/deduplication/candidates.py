"""Which pairs of photos the second look must still see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.duplicates.comparison import LOOK
from curation.duplicates.crowds import Flags, Ring
from curation.duplicates.hamming import Words
from curation.duplicates.proposals import FORMS, REFLECTIONS, TURNS, UPRIGHT, PhotoWords, Proposals, propose
from curation.fingerprints import FingerprintMethod, Form
from flows.context import Run
from schemas.errors import IntegrityFault
from schemas.photos import COMPARED
from schemas.settings import DedupeSettings

UPRIGHT_METHODS = (FingerprintMethod.PHASH64, FingerprintMethod.TRIMMED64, FingerprintMethod.INNER64)
KIND_METHODS = (*UPRIGHT_METHODS, *[FingerprintMethod.PHASH64_FORMS] * len(FORMS))
"""The method of each `Proposals.kind`."""

WORDS = f"""
    SELECT p.photo_id, h.bits AS plain, t.bits AS trimmed, i.bits AS inside, f.bits AS forms,
        coalesce(x.bits, unhex(p.photo_id)) AS pixels, m.photo_id IS NOT NULL AS done
    FROM photos p
    LEFT JOIN (SELECT photo_id FROM marks WHERE "join" = ?) m ON m.photo_id = p.photo_id
    JOIN fingerprints h ON h.photo_id = p.photo_id AND h.method = '{FingerprintMethod.PHASH64}'
    LEFT JOIN fingerprints t ON t.photo_id = p.photo_id AND t.method = '{FingerprintMethod.TRIMMED64}'
    LEFT JOIN fingerprints x ON x.photo_id = p.photo_id AND x.method = '{FingerprintMethod.PIXELS}'
    LEFT JOIN fingerprints i ON i.photo_id = p.photo_id AND i.method = '{FingerprintMethod.INNER64}'
    LEFT JOIN fingerprints f ON f.photo_id = p.photo_id AND f.method = '{FingerprintMethod.PHASH64_FORMS}'
    ORDER BY p.photo_id
"""
PROPOSED = f"""
    SELECT photo_a, photo_b, method, form, distance FROM duplicate_pairs
    WHERE distance <= ? AND method IN ({", ".join(f"'{method}'" for method in sorted(set(KIND_METHODS)))})
"""
"""Pairs that the join proposed within a radius, without those that a group asked for."""


MOST_MARKS = 1_000_000
"""Photos that are marked in one commit."""


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
    words = [*UPRIGHT_METHODS, *([forms] if forms else [])]
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
    words : PhotoWords
        What is joined, in the same order.
    leads : (n,) bool
        Whether a photo is the first of those with equal pixels: only these are joined and looked at.
    ring : (n,) uint64
        A number of each photo's pixels: see `curation.duplicates.crowds`.
    new : (n,) bool
        Leaders whose pairs are not complete yet.
    """

    ids: pa.Array
    words: PhotoWords
    leads: Flags
    ring: Ring
    new: Flags


def read_photos(run: Run) -> Photos:
    """All photos with fingerprints; those read here and not yet marked are this run's to complete.

    The marks are read before the photos. Two runs at once are safe: whichever reads its photos later sees those
    of the other, joins its own new ones to them, and no pair is left to nobody.

    Memory: 65 bytes of photo_id, and 8 for each word and for the ring, of each photo.
    """
    settings = run.settings.dedupe
    forms = forms_wanted(settings)
    marks = run.warehouse.table(COMPARED).dataset()
    columns: dict[str, list[Any]] = {}
    rows = run.warehouse.query_batches(WORDS, [join_name(settings)], extra={"marks": marks})
    for batch in rows:
        plain = _words(batch["plain"])
        part: dict[str, Any] = {
            "ids": batch["photo_id"].cast(pa.large_string()),  # text of more than 2 GB in one array
            "done": np.asarray(batch["done"]),
            "plain": plain,
            "trimmed": _words(batch["trimmed"], otherwise=plain),
            "inner": _words(batch["inside"], otherwise=plain),
            "ring": _words(batch["pixels"]),
            "more": _words(batch["pixels"], start=8),
        }
        part |= {form: _words(batch["forms"], otherwise=plain, start=8 * FORMS.index(form)) for form in forms}
        for name, values in part.items():
            columns.setdefault(name, []).append(values)
    if not columns:
        nothing = np.empty(0, np.uint64)
        flags = nothing.astype(bool)
        return Photos(pa.array([], pa.large_string()), PhotoWords(nothing, nothing, nothing, {}), flags, nothing, flags)
    ids = pa.concat_arrays(columns.pop("ids"))
    whole = {name: np.concatenate(columns.pop(name)) for name in list(columns)}
    leads = _leads(whole["ring"], whole.pop("more"))
    turned = {form: whole[form] for form in forms}
    words = PhotoWords(whole["plain"], whole["trimmed"], whole["inner"], turned, leads)
    return Photos(ids, words, leads, whole["ring"], leads & ~whole["done"])


def _words(column: pa.Array, otherwise: Words | None = None, start: int = 0) -> Words:
    """Eight bytes of each value, from `start` on, as a big-endian word; of another list where there is no value."""
    cut = pa.compute.fill_null(pa.compute.binary_slice(column, start, start + 8), bytes(8))
    offsets = np.frombuffer(cut.buffers()[1], np.int32, len(cut) + 1, cut.offset * 4)
    data = memoryview(cut.buffers()[2] or b"")[offsets[0] : offsets[-1]]
    words = np.frombuffer(data, ">u8").astype(np.uint64)
    if words.size != len(column):
        raise IntegrityFault("table fingerprints: there are fingerprints of fewer than 64 bits; ingest them again.")
    if otherwise is not None and column.null_count:
        words = np.where(np.asarray(column.is_null()), otherwise, words)
    return words


def _leads(pixels: Words, more: Words) -> Flags:
    """Whether each photo is the first one with its pixels, told by 128 bits of their checksum."""
    order = np.lexsort((more, pixels))  # stable: ascending places among equal ones
    first = np.ones(order.size, bool)
    first[1:] = (np.diff(pixels[order]) != 0) | (np.diff(more[order]) != 0)
    leads = np.zeros(order.size, bool)
    leads[order[first]] = True
    return leads


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
    first, second = (_places(rows[name], photos.ids) for name in ("photo_a", "photo_b"))
    kinds = [kind_of(*pair) for pair in zip(rows["method"].to_pylist(), rows["form"].to_pylist(), strict=True)]
    kind = np.array(kinds, np.uint8)
    wanted = np.isin(kind, [*range(UPRIGHT), *(UPRIGHT + FORMS.index(form) for form in forms_wanted(settings))])
    wanted &= (first >= 0) & (second >= 0) & photos.leads[first] & photos.leads[second]
    distance = np.asarray(rows["distance"]).astype(np.uint8)
    return Proposals.best((first[wanted], second[wanted]), distance[wanted], kind[wanted])


def _places(names: pa.ChunkedArray, ids: pa.Array) -> npt.NDArray[np.int64]:
    """Where photo_ids stand; -1 for those that are not there. The few are looked up, not the many."""
    few = names.unique().cast(pa.large_string())
    there = np.flatnonzero(np.asarray(pa.compute.is_in(ids, value_set=few)))
    place = np.asarray(pa.compute.index_in(names.cast(pa.large_string()), value_set=ids.take(there)).fill_null(-1))
    return np.where(place >= 0, np.append(there, -1)[place], -1).astype(np.int64)


def kind_of(method: str, form: str | None) -> int:
    """The `Proposals.kind` of a row of `duplicate_pairs` that the join proposed."""
    return KIND_METHODS.index(FingerprintMethod(method)) if form is None else UPRIGHT + FORMS.index(Form(form))


def _table(photos: Photos, proposals: Proposals) -> pa.Table:
    methods = pa.array([str(method) for method in KIND_METHODS])
    forms = pa.array([*[None] * UPRIGHT, *[str(form) for form in FORMS]], pa.string())
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
    name, marked = join_name(run.settings.dedupe), 0
    places = np.flatnonzero(photos.new)
    for start in range(0, places.size, MOST_MARKS):
        some = photos.ids.take(places[start : start + MOST_MARKS]).cast(pa.string())
        rows = {"photo_id": some, "join": pa.repeat(name, len(some))}
        marked += run.warehouse.table(COMPARED).insert(pa.table(rows))
    return marked
