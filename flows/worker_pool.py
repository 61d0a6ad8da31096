"""Processes that may crash, hang or eat memory at one item's cost alone.

Each worker process belongs to one thread here: the thread starts it, keeps a few items in its pipe, takes the
answers in order, and starts another where it died or took too long. The first item that has no answer is the
one to blame; the others behind it are tried again. Workers die with this process, however it ends.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

from flows.worker_process import READY, Done, Failed
from schemas.errors import WorkerLost

Item = TypeVar("Item")
IN_PIPE = 4
"""Items that a worker has at hand, so that it never waits for us."""
START_SECONDS = 180.0
"""Patience with a worker that starts: compiled code may have to be made first."""

KEEP_MEMORY = {
    # Else each picture's buffers are fetched from the system and given back: a tenth of the time of a decode.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(32 * 1024 * 1024),
    # One process per core already.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

_END: Any = object()


@dataclass(frozen=True)
class WorkerLimits:
    """Seconds per item, and bytes of memory that a worker may add to what it has at the start."""

    seconds: float = 60.0
    memory_bytes: int = 2_000_000_000


class WorkerPool(Generic[Item]):
    """Runs one job on many items in worker processes.

    Parameters
    ----------
    job : callable
        Takes an item, gives a result; both and itself picklable. Where it has a method `prepare`, that is
        called once in each worker before the memory limit is set.
    workers : int
        Number of processes; 0 is one per core that this process may use.
    limits : WorkerLimits
    in_flight : int
        Items taken in ahead of the results handed out: bounds memory, and covers the caller's pauses.
    """

    def __init__(
        self, job: Callable[[Item], Any], workers: int = 0, limits: WorkerLimits | None = None, in_flight: int = 768
    ) -> None:
        self._job = pickle.dumps(job)
        self._limits = limits or WorkerLimits()
        self._in_flight = in_flight
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._outbox: SimpleQueue[Any] = SimpleQueue()
        self._stop = threading.Event()
        count = workers or len(os.sched_getaffinity(0))
        self._threads = [threading.Thread(target=self._keep, name=f"worker {n}", daemon=True) for n in range(count)]

    def __enter__(self) -> WorkerPool[Item]:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for _ in self._threads:
            self._inbox.put(_END)
        for thread in self._threads:
            thread.join()

    def run(self, items: Iterable[Item]) -> Iterator[tuple[Item, Done | Failed]]:
        """Each item with its result or failure, in the order in which they are finished."""
        source = iter(items)
        open_items, more = 0, True
        while True:
            while more and open_items < self._in_flight:
                item = next(source, _END)
                if item is _END:
                    more = False
                else:
                    self._inbox.put(item)
                    open_items += 1
            if not open_items:
                return
            answer = self._outbox.get()
            if isinstance(answer, BaseException):
                raise answer
            open_items -= 1
            yield answer

    # -- one thread per worker -----------------------------------------------------------------------
    def _keep(self) -> None:
        """Keep one worker alive and busy until the pool ends."""
        again: deque[Item] = deque()
        worker: _Worker | None = None
        try:
            while not self._stop.is_set():
                if not again:
                    item = self._inbox.get()
                    if item is _END:
                        return
                    again.append(item)
                worker = worker or _Worker(self._job, self._limits)
                failure = self._feed(worker, again)
                if failure is not None:
                    # What an earlier item left behind may have killed it: only a death in a fresh process counts.
                    guilty = failure.why != "crashed" or not worker.answered
                    worker.end()
                    worker = None
                    if guilty:
                        self._outbox.put((again.popleft(), failure))
        except (OSError, WorkerLost) as error:
            self._outbox.put(error)
        finally:
            if worker is not None:
                worker.end()

    def _feed(self, worker: _Worker, items: deque[Item]) -> Failed | None:
        """Let the worker work on `items` and on more from the inbox; returns when it failed, or has no work.

        Items leave the deque when they are answered; after a failure the first one is the culprit.
        """
        sent = 0
        while items or not self._inbox.empty():
            while len(items) < IN_PIPE and not self._inbox.empty():
                with contextlib.suppress(Empty):  # another thread was quicker
                    item = self._inbox.get_nowait()
                    if item is _END:
                        return None  # the pool is ending
                    items.append(item)
            try:
                for item in itertools.islice(items, sent, None):
                    worker.pipe.send(item)
                sent = len(items)
                if not items:
                    return None
                if not self._wait(worker):
                    return Failed("timeout", f"decoding took more than {self._limits.seconds:g} s")
                answer: Done | Failed = pickle.loads(worker.pipe.recv_bytes())  # noqa: S301 - from our own child
            except (EOFError, ConnectionError):
                return Failed("crashed", f"the decoder's process died ({worker.cause()})")
            if self._stop.is_set():
                return None
            self._outbox.put((items.popleft(), answer))
            worker.answered += 1
            sent -= 1
        return None

    def _wait(self, worker: _Worker) -> bool:
        """Wait for an answer; False after the time limit. A pool that ends does not wait."""
        until = time.monotonic() + self._limits.seconds
        while not worker.pipe.poll(min(0.5, max(0.0, until - time.monotonic()))):
            if self._stop.is_set():
                raise EOFError
            if time.monotonic() >= until:
                return False
        return True


class _Worker:
    """One child process and the pipe to it."""

    def __init__(self, job: bytes, limits: WorkerLimits) -> None:
        ours, theirs = socket.socketpair()
        # The packages may be importable only because of where this process was started.
        place = str(Path(__file__).resolve().parent.parent)
        code = (
            f"import sys; sys.path.append({place!r}); from flows.worker_process import serve; "
            f"serve({theirs.fileno()}, {limits.memory_bytes})"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **KEEP_MEMORY},
        )
        theirs.close()
        self.answered = 0
        self.pipe = Connection(ours.detach())
        try:
            self.pipe.send_bytes(job)
            ready = self.pipe.poll(START_SECONDS) and self.pipe.recv() == READY
        except (EOFError, OSError):
            ready = False
        if not ready:
            self.end()
            raise WorkerLost(f"a worker process did not start ({self.cause()}); run the same again.")

    def cause(self) -> str:
        """How the process ended, for people."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=5)
            return f"signal {-code}" if code < 0 else f"exit code {code}"
        return "no answer"

    def end(self) -> None:
        """Kill the process and close the pipe."""
        self.process.kill()
        self.process.wait()
        self.pipe.close()
