"""Which pairs of photos the second look must still see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.duplicates.comparison import LOOK
from curation.duplicates.crowds import Flags, Ring
from curation.duplicates.hamming import Words
from curation.duplicates.proposals import FORMS, REFLECTIONS, TURNS, UPRIGHT, PhotoWords, Proposals, propose
from curation.fingerprints import FingerprintMethod, Form
from flows.context import Run
from schemas.errors import IntegrityFault
from schemas.photos import COMPARED, FINGERPRINTS, PHOTOS
from schemas.settings import DedupeSettings
from warehouse.contents import ROWS
from warehouse.facts import SORTED
from warehouse.places import Gathered, Ids, Places, as_arrow, id_texts

UPRIGHT_METHODS = (FingerprintMethod.PHASH64, FingerprintMethod.TRIMMED64, FingerprintMethod.INNER64)
KIND_METHODS = (*UPRIGHT_METHODS, *[FingerprintMethod.PHASH64_FORMS] * len(FORMS))
"""The method of each `Proposals.kind`."""

IDS = "SELECT photo_id FROM photos ORDER BY photo_id"
PROPOSED = f"""
    SELECT photo_a, photo_b, method, form, distance FROM duplicate_pairs
    WHERE distance <= ? AND method IN ({", ".join(f"'{method}'" for method in sorted(set(KIND_METHODS)))})
"""
"""Pairs that the join proposed within a radius, without those that a group asked for."""


METHODS = pc.field("method").isin(
    [str(method) for method in (*UPRIGHT_METHODS, FingerprintMethod.PIXELS, FingerprintMethod.PHASH64_FORMS)]
)
"""The fingerprints that are joined, and those that tell equal pixels."""
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

    Memory: 88 bytes for the photo_id and its place, and 8 for each word and for the ring, of each photo. Nothing
    is joined by text: fingerprints stream by and go to their photo's place.
    """
    settings = run.settings.dedupe
    marked = run.warehouse.table(COMPARED).version
    places = Places(_ids(run))
    found = _Words(len(places.ids), forms_wanted(settings))
    rows = run.warehouse.table(FINGERPRINTS).batches(["photo_id", "method", "bits"], METHODS, rows=ROWS)
    for batch in rows:
        found.add(batch, places)
    done = np.zeros(len(places.ids), bool)
    same_join = pc.field("join") == join_name(settings)
    for batch in run.warehouse.table(COMPARED).batches(["photo_id"], same_join, rows=ROWS, version=marked):
        place = places.of(id_texts(batch["photo_id"]))
        done[place[place >= 0]] = True
    return found.photos(places.ids, done)


def _ids(run: Run) -> Ids:
    """The ids of all photos, ascending."""
    gathered = Gathered(run.warehouse.table(PHOTOS).count())
    for batch in run.warehouse.query_batches(IDS, memory=SORTED):
        gathered.add(id_texts(batch["photo_id"]))
    return gathered.ids


class _Words:
    """The words of photos, put in their places as fingerprints come by."""

    def __init__(self, photos: int, forms: Sequence[Form]) -> None:
        self.size = photos
        self.starts: dict[FingerprintMethod, dict[str, int]] = {method: {method: 0} for method in UPRIGHT_METHODS}
        self.starts[FingerprintMethod.PIXELS] = {"ring": 0, "more": 8}
        self.starts[FingerprintMethod.PHASH64_FORMS] = {form: 8 * FORMS.index(form) for form in forms}
        self.forms = forms
        self.words: dict[str, Words] = {}
        self.there: dict[str, Flags] = {}

    def add(self, batch: pa.RecordBatch, places: Places) -> None:
        """Take in some rows of `fingerprints`."""
        for method, starts in self.starts.items():
            rows = batch.filter(pc.equal(batch["method"], str(method)))
            place = places.of(id_texts(rows["photo_id"]))
            known = place >= 0
            for name, start in starts.items() if known.any() else ():
                if name not in self.words:
                    self.words[name], self.there[name] = np.zeros(self.size, np.uint64), np.zeros(self.size, bool)
                self.words[name][place[known]] = _words(rows["bits"], start)[known]
                self.there[name][place[known]] = True

    def _or(self, name: str, otherwise: Words) -> Words:
        """Words of a kind, and another word where a photo has none of it."""
        found = self.words.pop(name, None)
        if found is None:
            return otherwise
        missing = ~self.there[name]
        found[missing] = otherwise[missing]
        return found

    def _pixels(self, name: str, ids: Ids) -> Words:
        """Eight bytes of the checksum of each photo's pixels, or of its file where that of the pixels is not known."""
        found = self.words.pop(name, np.zeros(self.size, np.uint64))
        missing = np.flatnonzero(~self.there.get(name, np.zeros(self.size, bool)))
        for start in range(0, len(missing), ROWS):
            some = missing[start : start + ROWS]
            found[some] = _checksums(ids[some], self.starts[FingerprintMethod.PIXELS][name])
        return found

    def photos(self, ids: Ids, done: Flags) -> Photos:
        """The photos that have a hash."""
        there = self.there.get(FingerprintMethod.PHASH64, np.zeros(self.size, bool))
        plain = self.words.pop(FingerprintMethod.PHASH64, np.zeros(self.size, np.uint64))
        ring, more = (self._pixels(name, ids) for name in ("ring", "more"))
        trimmed, inner = (self._or(method, plain) for method in UPRIGHT_METHODS[1:])
        turned = {form: self._or(form, plain) for form in self.forms}
        if not there.all():
            ids, done = ids[there], done[there]
            plain, trimmed, inner, ring, more = (words[there] for words in (plain, trimmed, inner, ring, more))
            turned = {form: words[there] for form, words in turned.items()}
        leads = _leads(ring, more)
        return Photos(as_arrow(ids), PhotoWords(plain, trimmed, inner, turned, leads), leads, ring, leads & ~done)


def _checksums(ids: Ids, start: int) -> Words:
    """Eight bytes of the checksum that a photo_id spells, from `start` on."""
    digits = np.ascontiguousarray(ids).view(np.uint8).reshape(len(ids), -1)[:, 2 * start : 2 * start + 16]
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0"))
    word: Words = np.zeros(len(ids), np.uint64)
    for k in range(16):
        word = (word << np.uint64(4)) | (values[:, k] & 15).astype(np.uint64)
    return word


def _words(column: pa.Array, start: int) -> Words:
    """Eight bytes of each value, from `start` on, as a big-endian word."""
    cut = pc.binary_slice(column, start, start + 8)
    offsets = np.frombuffer(cut.buffers()[1], np.int32, len(cut) + 1, cut.offset * 4)
    data = memoryview(cut.buffers()[2] or b"")[offsets[0] : offsets[-1]]
    words = np.frombuffer(data, ">u8").astype(np.uint64) if len(data) % 8 == 0 else np.empty(0, np.uint64)
    if words.size != len(column):
        raise IntegrityFault("table fingerprints: there are fingerprints of fewer than 64 bits; ingest them again.")
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
    there = np.flatnonzero(np.asarray(pc.is_in(ids, value_set=few)))
    place = np.asarray(pc.index_in(names.cast(pa.large_string()), value_set=ids.take(there)).fill_null(-1))
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
