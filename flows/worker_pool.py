"""Processes that may crash, hang or eat memory at one item's cost alone.

One template process imports and prepares everything once; each worker is a fork of it, so that a new one takes
milliseconds and shares its memory with the others. Each worker belongs to one thread here: the thread has it
forked, keeps a few items in its pipe, takes the answers in order, and has another forked where it died or took
too long. The first item that has no answer is the one to blame; the others behind it are tried again. Workers
die with the template, and the template with this process, however it ends.
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

from flows.worker_process import FORK, NUMBER, READY, REAP, Done, Failed, receive
from schemas.errors import WorkerLost

Item = TypeVar("Item")
IN_PIPE = 4
"""Items that a worker has at hand, so that it never waits for us."""
START_SECONDS = 180.0
"""Patience with a worker that starts: compiled code may have to be made first."""
DEATHS_OF_THE_GUILTY = 2
"""Fresh processes that must die under an item before it is blamed: one may have been killed from outside."""

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
        self, job: Callable[[Item], Any], workers: int = 0, limits: WorkerLimits | None = None, in_flight: int = 512
    ) -> None:
        self._job = pickle.dumps(job)
        self._limits = limits or WorkerLimits()
        self._in_flight = in_flight
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._outbox: SimpleQueue[Any] = SimpleQueue()
        self._stop = threading.Event()
        self._template = _Template(self._job, self._limits.memory_bytes)
        count = workers or len(os.sched_getaffinity(0))
        self._threads = [threading.Thread(target=self._keep, name=f"worker {n}", daemon=True) for n in range(count)]

    def __enter__(self) -> WorkerPool[Item]:
        self._template.start()
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
        self._template.end()

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
        deaths = 0
        try:
            while not self._stop.is_set():
                if not again:
                    item = self._inbox.get()
                    if item is _END:
                        return
                    again.append(item)
                worker = worker or _Worker(self._template)
                failure = self._feed(worker, again)
                if failure is not None:
                    # What an earlier item left behind may have killed it, or somebody from outside: only deaths of
                    # fresh processes count, and one is not enough.
                    deaths = 0 if worker.answered else deaths + 1
                    worker.end()
                    worker = None
                    if failure.why != "crashed" or deaths >= DEATHS_OF_THE_GUILTY:
                        self._outbox.put((again.popleft(), failure))
                        deaths = 0
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


class _Template:
    """The process that workers are forked from; it is started again where it has died."""

    def __init__(self, job: bytes, memory_bytes: int) -> None:
        self._job, self._memory_bytes = job, memory_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready = False

    def start(self) -> None:
        """Start the process; does not wait until it is ready."""
        ours, theirs = socket.socketpair()
        # The packages may be importable only because of where this process was started.
        place = str(Path(__file__).resolve().parent.parent)
        code = (
            f"import sys; sys.path.append({place!r}); from flows.worker_process import serve; "
            f"serve({theirs.fileno()}, {self._memory_bytes})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **KEEP_MEMORY},
        )
        theirs.close()
        self._control, self._ready = ours, False
        with contextlib.suppress(OSError):  # it has died: the first fork finds out
            ours.sendall(len(self._job).to_bytes(NUMBER, "big") + self._job)

    def fork(self) -> tuple[int, Connection]:
        """A new worker's process id and the pipe to it; raises WorkerLost where none starts."""
        with self._lock:
            for _ in range(2):
                if self._control is None:
                    self.start()
                ours, theirs = socket.socketpair()
                try:
                    return self._ask_for_fork(theirs), Connection(ours.detach())
                except (OSError, EOFError):
                    ours.close()
                    self._drop()
                finally:
                    theirs.close()
        raise WorkerLost("a worker process did not start; run the same again.")

    def _ask_for_fork(self, pipe: socket.socket) -> int:
        assert self._control is not None
        if not self._ready:
            self._control.settimeout(START_SECONDS)
            self._ready = receive(self._control) == READY
            self._control.settimeout(None)
        socket.send_fds(self._control, [FORK.to_bytes(NUMBER, "big", signed=True)], [pipe.fileno()])
        return receive(self._control)

    def reap(self, worker: int, patience_s: float) -> int:
        """End a worker; its exit code, negative for a signal. It has some time to end by itself."""
        with self._lock:
            try:
                if self._control is None:
                    return 0  # it went with its template
                for number in (REAP, worker, int(patience_s * 1000)):
                    self._control.sendall(number.to_bytes(NUMBER, "big", signed=True))
                return receive(self._control)
            except (OSError, EOFError):
                self._drop()
                return 0

    def end(self) -> None:
        """End the process, and with it all workers that are left."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class _Worker:
    """One worker and the pipe to it."""

    def __init__(self, template: _Template) -> None:
        self._template = template
        self._id, self.pipe = template.fork()
        self._code: int | None = None
        self.answered = 0

    def cause(self) -> str:
        """How the process ended, for people."""
        self._code = self._template.reap(self._id, 2.0)
        return f"signal {-self._code}" if self._code < 0 else f"exit code {self._code}"

    def end(self) -> None:
        """Kill the process and close the pipe."""
        if self._code is None:
            self._code = self._template.reap(self._id, 0.0)
        self.pipe.close()
