"""Several listings at once, as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event, Semaphore
from typing import TypeVar

T = TypeVar("T")

WAITING = 64
"""Parts that may wait for whoever asks; then the listings wait too."""


def side_by_side(jobs: Sequence[Callable[[], Iterator[T]]], most: int) -> Iterator[T]:
    """What several iterators yield, in the order in which it comes; the first error of any is raised.

    Parameters
    ----------
    jobs : sequence of callables
        Each makes an iterator, which a thread of its own follows.
    most : int
        Iterators at once.
    """
    parts: SimpleQueue[T | Future[None]] = SimpleQueue()
    room = Semaphore(WAITING)
    stop = Event()

    def follow(job: Callable[[], Iterator[T]]) -> None:
        for part in job():
            room.acquire()
            if stop.is_set():
                return
            parts.put(part)

    with ThreadPoolExecutor(most, thread_name_prefix="listing") as pool:
        pending = {pool.submit(follow, job) for job in jobs}
        for future in pending:
            future.add_done_callback(parts.put)
        left = len(pending)
        try:
            while left:
                part = parts.get()
                if isinstance(part, Future):
                    left -= 1
                    part.result()
                else:
                    room.release()
                    yield part
        finally:
            stop.set()
            for future in pending:
                future.cancel()
            room.release(most)  # whoever waits for room sees the stop
