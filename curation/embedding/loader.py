"""Decoding ahead: threads prepare the next pictures, in order, so that the model never waits for one.

Pillow and libjpeg give the interpreter free while they work, so threads are enough. On a GPU several batches
are under way while the model works on one. On a CPU decoding and the model would fight for the same cores:
there the threads decode one batch with all cores, then the model has them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from curation.embedding.protocol import Embedder, Prepared, Vectors
from schemas.errors import BadInput

CHUNK = 8
"""Pictures per task of a thread: fewer cost more in handing over than in decoding."""

Pictures = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Embedded:
    """Vectors of one batch, and what could not be embedded.

    Attributes
    ----------
    photo_ids : tuple of str
    vectors : ndarray of float32, shape (len(photo_ids), dimensions)
    failed : tuple of (photo_id, sentence)
    """

    photo_ids: tuple[str, ...]
    vectors: Vectors
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Collated:
    """A batch that is ready for the model; `batch` is None where none of its pictures could be decoded."""

    photo_ids: tuple[str, ...]
    batch: Any
    failed: tuple[tuple[str, str], ...]


def embed_pictures(embedder: Embedder, pictures: Iterable[tuple[str, bytes]], *, workers: int) -> Iterator[Embedded]:
    """Embed pictures in their order, batch by batch.

    Parameters
    ----------
    embedder : Embedder
    pictures : iterable of (photo_id, JPEG bytes)
        Drawn no faster than they are used: at most ``embedder.ahead + 1`` batches are in memory.
    workers : int
        Threads that prepare.
    """
    empty = np.empty((0, embedder.space.dimensions), np.float32)
    with prefetched(embedder, pictures, workers) as batches:
        for item in batches:
            vectors = empty if item.batch is None else embedder.embed(item.batch)
            yield Embedded(item.photo_ids, vectors, item.failed)


class prefetched:  # noqa: N801 - used like a function, with `with`
    """Batches of an iterable of pictures, decoded and collated ahead; ends its threads with the block."""

    def __init__(self, embedder: Embedder, pictures: Iterable[tuple[str, bytes]], workers: int) -> None:
        self._embedder = embedder
        self._source = iter(pictures)
        self._workers = workers
        self._decoders = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        self._collators = ThreadPoolExecutor(max(embedder.ahead, 1), thread_name_prefix="collate")

    def __enter__(self) -> Iterator[Collated]:
        return self._batches()

    def __exit__(self, *_: object) -> None:
        self._decoders.shutdown(cancel_futures=True)
        self._collators.shutdown(cancel_futures=True)

    def _batches(self) -> Iterator[Collated]:
        under_way: deque[Future[Collated]] = deque()
        while True:
            while len(under_way) < max(self._embedder.ahead, 1) and self._submit(under_way):
                pass
            if not under_way:
                return
            ready = under_way.popleft().result()
            if self._embedder.ahead:  # the next batch starts before the model has this one
                self._submit(under_way)
            yield ready

    def _submit(self, under_way: deque[Future[Collated]]) -> bool:
        """Start on the next batch; False at the end of the pictures."""
        batch = list(islice(self._source, self._embedder.batch))
        if not batch:
            return False
        chunk = max(1, min(CHUNK, -(-len(batch) // self._workers)))
        parts = [
            self._decoders.submit(_prepare, self._embedder, batch[k : k + chunk]) for k in range(0, len(batch), chunk)
        ]
        under_way.append(self._collators.submit(_collate, self._embedder, parts))
        return True


def _prepare(embedder: Embedder, pictures: Pictures) -> list[tuple[str, Prepared | str]]:
    """Prepared pictures, or the sentence that says why one cannot be."""
    found: list[tuple[str, Prepared | str]] = []
    for photo_id, data in pictures:
        try:
            found.append((photo_id, embedder.prepare(data)))
        except BadInput as error:
            found.append((photo_id, str(error)))
    return found


def _collate(embedder: Embedder, parts: Sequence[Future[list[tuple[str, Prepared | str]]]]) -> Collated:
    prepared = [item for part in parts for item in part.result()]
    good = [(photo_id, item) for photo_id, item in prepared if not isinstance(item, str)]
    return Collated(
        photo_ids=tuple(photo_id for photo_id, _ in good),
        batch=embedder.collate([item for _, item in good]) if good else None,
        failed=tuple((photo_id, item) for photo_id, item in prepared if isinstance(item, str)),
    )
