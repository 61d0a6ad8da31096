"""Looking for photos by a sentence or by a photo: exact, over all vectors of the settings' model."""

from __future__ import annotations

import time
from dataclasses import dataclass

from curation.embedding.protocol import TextEmbedder
from flows.context import Run, open_run
from flows.embedders import make_embedder, matrix_of, space_name, why_no_text
from flows.outcome import Outcome
from flows.reports.page import Page, Tile
from flows.reports.thumbnails import file_names, thumbnails
from schemas.errors import WrongUse
from warehouse.facts import find_photos
from warehouse.vectors import Hit, VectorMatrix, Vectors, nearest, vectors_of


@dataclass(frozen=True)
class Found:
    """What a search found, best first."""

    query: str
    space: str
    hits: tuple[Hit, ...]
    names: dict[str, str]
    seconds: float
    report: str


def search(root: str, text: str | None, like: str | None, count: int) -> Found:
    """Photos nearest to a sentence or to a photo.

    Raises
    ------
    WrongUse
        Not exactly one of both is given, the model has no text half, the photo is not known, or there are no
        vectors.
    """
    run = open_run(root)
    if (text is None) == (like is None):
        raise WrongUse("search wants a sentence or --like PHOTO, one of both.")
    space = space_name(run.settings.embed)
    matrix = matrix_of(run, space)
    if not len(matrix.vectors):
        raise WrongUse(f"there are no vectors of {space} in this warehouse; run `salon embed` first.")
    query, itself = _of_text(run, text) if text is not None else _of_photo(run, matrix, space, str(like))
    began = time.perf_counter()
    hits = [hit for hit in nearest(matrix, query, count + bool(itself)) if hit.photo_id != itself][:count]
    seconds = time.perf_counter() - began
    words = text if text is not None else f"like {like}"
    names = file_names(run, [hit.photo_id for hit in hits])
    return Found(words, space, tuple(hits), names, seconds, str(_report(run, words, space, hits, names)))


def _of_text(run: Run, text: str) -> tuple[Vectors, str]:
    if silent := why_no_text(run.settings.embed):
        raise WrongUse(f"{silent}: search with --like PHOTO, or set embed.embedder to an open_clip model that is here.")
    embedder = make_embedder(run.settings.embed)
    assert isinstance(embedder, TextEmbedder)
    return embedder.embed_text([text])[0], ""


def _of_photo(run: Run, matrix: VectorMatrix, space: str, name: str) -> tuple[Vectors, str]:
    found = find_photos(run.warehouse, [name])[name]
    if len(found) != 1:
        raise WrongUse(f"--like {name}: names {len(found) or 'no'} photos of this warehouse, one is expected.")
    vectors, there = vectors_of(matrix, found)
    if not there[0]:
        raise WrongUse(f"--like {name}: photo {found[0]} has no vector of {space}; run `salon embed`.")
    return vectors[0], found[0]


def tile(photo_id: str, pictures: dict[str, bytes], names: dict[str, str], note: str, accent: str = "") -> Tile:
    """One photo of a contact sheet."""
    return Tile(pictures[photo_id], names.get(photo_id, photo_id[:12]), f"{note} · {photo_id[:12]}", accent)


def _report(run: Run, words: str, space: str, hits: list[Hit], names: dict[str, str]) -> str:
    pictures = thumbnails(run, [hit.photo_id for hit in hits])
    page = Page(f"Search: {words}", f"The {len(hits)} nearest photos in the space of {space}; exact, by cosine.")
    tiles = [tile(hit.photo_id, pictures, names, f"{hit.score:.3f}") for hit in hits if hit.photo_id in pictures]
    if tiles:
        page.sheet("Nearest first", tiles)
    if lost := len(hits) - len(tiles):
        page.text(f"The pictures of {lost:,} of them are lost: `salon ingest SOURCE --recheck` makes them again.")
    return str(page.write(run.warehouse.location.local("reports", "search.html")))


def as_outcome(found: Found) -> Outcome:
    """The search as every command shows its result."""
    counts: dict[str, int | float | str] = {
        found.names.get(hit.photo_id, hit.photo_id[:12]): f"{hit.score:.4f}  {hit.photo_id}" for hit in found.hits
    }
    return Outcome(stage="search", counts=counts, files={"contact sheet": found.report})
