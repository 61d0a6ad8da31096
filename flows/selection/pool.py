"""What can be chosen: candidates with their properties, embeddings and groups, out of the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.context import Run
from labeling.selection.choose import Vectors
from labeling.selection.pool import NO_GROUP, Cap, Codes, Ints, PhotoIds, Pool
from schemas.errors import WrongUse
from schemas.photos import EMBEDDINGS, PHOTOS
from schemas.properties import PROPERTIES
from schemas.settings import StudySettings
from warehouse.facts import BESIDE, SORTED, measures_of
from warehouse.places import Gathered, Ids, Places, as_arrow, id_texts

LOGARITHMIC = frozenset({"sharpness"})
"""Variances reach over powers of ten: their bins have equal width in the logarithm."""

EARLIER = "SELECT photo_id FROM tasks WHERE batch_id <> $1 AND role IN ('rate', 'audit')"

KEPT = "SELECT photo_id, photographer FROM kept ORDER BY photo_id"
"""What else is known of a photo is put beside these rows here: joins of ten million texts, one after the other, take
gigabytes that DuckDB does not always put aside."""

REJECTED = """
    SELECT rule, photo_id FROM representatives
    JOIN (SELECT rule, photo_id FROM verdicts WHERE NOT kept) USING (photo_id)
    ANTI JOIN (SELECT photo_id FROM verdicts WHERE NOT kept AND regexp_matches(lower(rule), $2)) u USING (photo_id)
    ANTI JOIN ({earlier}) e USING (photo_id)
    ORDER BY rule, photo_id
"""

BURSTS = """
    SELECT burst_id, list(photo_id ORDER BY position, photo_id) AS photos FROM bursts
    SEMI JOIN photos USING (photo_id)
    ANTI JOIN (SELECT photo_id FROM verdicts WHERE NOT kept) v USING (photo_id)
    {without}
    GROUP BY burst_id HAVING count(*) >= $2 ORDER BY burst_id
"""


@dataclass(frozen=True)
class Candidates:
    """The pool, and how to get at its embeddings (None where there are none).

    `elsewhere` are the kept photos that other batches ask for already: no candidates, but part of the collection.
    """

    pool: Pool
    vectors: Vectors | None
    space: str
    elsewhere: PhotoIds
    elsewhere_vectors: Vectors | None


def candidates(run: Run, batch_id: str, *, again: bool) -> Candidates:
    """All photos that may be chosen for a batch: kept, and in no other batch unless `again`.

    Raises
    ------
    WrongUse
        A property named in the settings is none.
    """
    study = run.settings.study
    _refuse_unknown_properties(study)
    texts, photographers, asked = _kept(run, None if again else batch_id)
    places, ids = Places(texts), PhotoIds(as_arrow(texts))
    names = tuple(dict.fromkeys((*study.strata, *study.flatten)))
    properties = _properties(run, places, names)
    caps = (
        Cap("photographer", _codes(photographers), study.max_per_photographer),
        Cap("burst", _bursts(run, places), study.max_per_burst),
    )
    space = _space(run)
    elsewhere = PhotoIds(as_arrow(asked))
    vectors, others = (_vectors(run, of, space) if space else None for of in (ids, elsewhere))
    return Candidates(Pool(ids, properties, caps), vectors, space or "image properties", elsewhere, others)


def _kept(run: Run, batch_id: str | None) -> tuple[Ids, pa.ChunkedArray, Ids]:
    """Ids, ascending, and photographers of all that is kept; with a batch: without what other batches ask for, whose
    ids come third.
    """
    gathered, names = Gathered(run.warehouse.table(PHOTOS).count()), []
    for batch in run.warehouse.query_batches(KEPT, memory=SORTED):
        gathered.add(id_texts(batch["photo_id"]))
        names.append(batch["photographer"].dictionary_encode())
    texts, photographers = gathered.ids, pa.chunked_array(names, pa.dictionary(pa.int32(), pa.string()))
    if batch_id is None:
        return texts, photographers, texts[:0]
    asked = run.warehouse.query(EARLIER, [batch_id])["photo_id"]
    free = np.ones(len(texts), np.bool_)
    places = Places(texts)
    for chunk in asked.chunks:
        at = places.of(id_texts(chunk))
        free[at[at >= 0]] = False
    if free.all():
        return texts, photographers, texts[:0]
    return texts[free], photographers.filter(pa.array(free)), texts[~free]


def _properties(run: Run, places: Places, names: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Image properties of each photo; NaN where they were not measured."""
    found = measures_of(run.warehouse, places, names)
    for name in LOGARITHMIC.intersection(names):
        np.log1p(np.maximum(found[name], 0, out=found[name]), out=found[name])
    return found


def _bursts(run: Run, places: Places) -> Codes:
    """A code for the burst of each photo; `NO_GROUP` where it is in none."""
    codes = np.full(len(places.ids), NO_GROUP, np.int32)
    rows = run.warehouse.query("SELECT photo_id, burst_id FROM bursts ORDER BY photo_id").combine_chunks()
    if rows.num_rows:
        at = places.of(id_texts(rows["photo_id"].combine_chunks()))
        codes[at[at >= 0]] = _codes(rows["burst_id"])[at >= 0]
    return codes


def rejected(run: Run, batch_id: str) -> dict[str, PhotoIds]:
    """Photos that each filter rule rejected and that may be shown for an audit, ascending."""
    words = "|".join(run.settings.study.audit_never) or "$^"
    found: dict[str, list[pa.Array]] = {}
    for batch in run.warehouse.query_batches(REJECTED.format(earlier=EARLIER), [batch_id, words], memory=BESIDE):
        for rule in batch["rule"].unique().to_pylist():
            found.setdefault(rule, []).append(batch.filter(pc.equal(batch["rule"], rule))["photo_id"])
    return {rule: PhotoIds(pa.chunked_array(parts)) for rule, parts in found.items()}


def burst_frames(run: Run, batch_id: str, frames: int, *, again: bool) -> dict[str, tuple[str, ...]]:
    """Bursts with at least that many frames: first, last, and evenly between."""
    without = "" if again else f"ANTI JOIN ({EARLIER}) e USING (photo_id)"
    text = BURSTS.format(without=without)
    parameters: list[object] = [batch_id, frames]
    if again:
        text, parameters = text.replace("$2", "$1"), [frames]
    rows = run.warehouse.query(text, parameters).to_pylist()
    places = np.linspace(0, 1, frames)
    return {row["burst_id"]: tuple(row["photos"][round(p * (len(row["photos"]) - 1))] for p in places) for row in rows}


def groups_of(run: Run, photo_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Words that near copies and frames of one burst share, for each photo that has any."""
    if not photo_ids:
        return {}
    rows = run.warehouse.query(
        """SELECT photo_id, list(word ORDER BY word) AS words FROM (
               SELECT photo_id, 'group ' || group_id AS word FROM duplicates
               UNION ALL SELECT photo_id, 'burst ' || burst_id FROM bursts)
           SEMI JOIN wanted USING (photo_id) GROUP BY photo_id""",
        extra={"wanted": pa.table({"photo_id": pa.array(photo_ids, pa.string())})},
    )
    return {row["photo_id"]: frozenset(row["words"]) for row in rows.to_pylist()}


def _refuse_unknown_properties(study: StudySettings) -> None:
    known = [c.name for c in PROPERTIES.columns if c.type in (pa.float64(), pa.int64())]
    for setting, names in (("strata", study.strata), ("flatten", study.flatten)):
        for name in names:
            if name not in known:
                raise WrongUse(f"[study] {setting}: there is no image property '{name}'; there are {', '.join(known)}.")


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Whole numbers for the values of a text column; `NO_GROUP` for null."""
    encoded = column.dictionary_encode().unify_dictionaries()
    parts = [np.asarray(chunk.indices.fill_null(NO_GROUP), np.int32) for chunk in encoded.chunks]
    return np.concatenate([np.empty(0, np.int32), *parts])


def _space(run: Run) -> str | None:
    """The model whose embeddings are used: the one of the settings, else the one with most photos."""
    rows = run.warehouse.query(
        "SELECT model, count(*) AS n FROM embeddings GROUP BY model ORDER BY n DESC, model"
    ).to_pylist()
    wanted = run.settings.embed.embedder
    named = [row["model"] for row in rows if row["model"].split("@")[0] == wanted or row["model"] == wanted]
    return next(iter([*named, *(row["model"] for row in rows)]), None)


def _vectors(run: Run, ids: PhotoIds, space: str) -> Vectors:
    def of(rows: Ints) -> npt.NDArray[np.float32]:
        wanted = ids.take(rows).values.cast(pa.string())
        where = (pc.field("model") == space) & pc.field("photo_id").isin(wanted)
        found = run.warehouse.table(EMBEDDINGS).read(["photo_id", "vector"], where=where)
        width = int(pc.max(pc.list_value_length(found["vector"])).as_py() or 1)
        # A photo without an embedding is far from everything: it is chosen by its stratum alone.
        matrix = np.zeros((len(rows), width), dtype=np.float32)
        place = {photo: index for index, photo in enumerate(wanted.to_pylist())}
        flat = pc.list_flatten(found["vector"]).to_numpy().reshape(-1, width)
        matrix[[place[photo] for photo in found["photo_id"].to_pylist()]] = flat
        return matrix

    return of
