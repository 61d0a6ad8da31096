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

from curation.embedding.protocol import Embedder, Prepared, Vectors
from schemas.errors import BadInput

CHUNK = 8
"""Pictures per task of a thread: fewer cost more in handing over than in decoding."""


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


Pictures = Sequence[tuple[str, bytes]]
Waiting = list["Future[list[tuple[str, Prepared | str]]]"]


def embed_pictures(
    embedder: Embedder, pictures: Iterable[tuple[str, bytes]], *, workers: int, ahead: int
) -> Iterator[Embedded]:
    """Embed pictures in their order, batch by batch.

    Parameters
    ----------
    embedder : Embedder
    pictures : iterable of (photo_id, JPEG bytes)
        Drawn no faster than they are used: at most ``ahead + 1`` batches are in memory.
    workers : int
        Threads that prepare.
    ahead : int
        Batches that are prepared while the model works; 0 where both share the same cores.
    """
    source = iter(pictures)
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        under_way: deque[Waiting] = deque()
        while True:
            while len(under_way) < max(ahead, 1):
                batch = list(islice(source, embedder.batch))
                if not batch:
                    break
                under_way.append(_submit(pool, embedder, batch, workers))
            if not under_way:
                return
            prepared = [item for waiting in under_way.popleft() for item in waiting.result()]
            if ahead:  # the next batch starts to be decoded before the model starts on this one
                batch = list(islice(source, embedder.batch))
                if batch:
                    under_way.append(_submit(pool, embedder, batch, workers))
            yield _embed(embedder, prepared)


def _submit(pool: ThreadPoolExecutor, embedder: Embedder, batch: Pictures, workers: int) -> Waiting:
    chunk = max(1, min(CHUNK, -(-len(batch) // workers)))
    return [pool.submit(_prepare, embedder, batch[k : k + chunk]) for k in range(0, len(batch), chunk)]


def _prepare(embedder: Embedder, pictures: Pictures) -> list[tuple[str, Prepared | str]]:
    """Prepared pictures, or the sentence that says why one cannot be."""
    found: list[tuple[str, Prepared | str]] = []
    for photo_id, data in pictures:
        try:
            found.append((photo_id, embedder.prepare(data)))
        except BadInput as error:
            found.append((photo_id, str(error)))
    return found


def _embed(embedder: Embedder, prepared: Sequence[tuple[str, Prepared | str]]) -> Embedded:
    good = [(photo_id, item) for photo_id, item in prepared if not isinstance(item, str)]
    return Embedded(
        photo_ids=tuple(photo_id for photo_id, _ in good),
        vectors=embedder.embed([item for _, item in good]),
        failed=tuple((photo_id, item) for photo_id, item in prepared if isinstance(item, str)),
    )
