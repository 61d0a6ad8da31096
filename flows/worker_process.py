"""The child's side of `flows.worker_pool`: limits on itself, then one job after another until the pipe closes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Done:
    """A job's result."""

    value: Any


@dataclass(frozen=True)
class Failed:
    """A job that ended without a result.

    Parameters
    ----------
    why : str
        ``memory``, ``error``; and from the pool ``crashed``, ``timeout``.
    detail : str
        A sentence for people.
    """

    why: str
    detail: str


NUMBER = 8
"""Bytes of each number on the control socket, big-endian, signed."""
READY = 1
FORK, REAP = 2, 3
"""What the template is asked for: FORK comes with the worker's pipe and gives its process id; REAP is followed by a
process id and by milliseconds of patience, and gives the exit code (negative: the signal)."""


def receive(control: socket.socket) -> int:
    """The next number on the control socket; raises EOFError where it was closed."""
    return int.from_bytes(_exactly(control, NUMBER), "big", signed=True)


def serve(handle: int, memory_bytes: int) -> None:
    """The template: prepare the job that comes over the control socket, then fork workers until it closes."""
    die_with_parent()
    # Decoders write to standard error on their own; what matters comes back as a result.
    with Path(os.devnull).open("r+b", buffering=0) as nothing:
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # crashes are expected: no gigabytes of core files
    with contextlib.suppress(EOFError, ConnectionError), socket.socket(fileno=handle) as control:
        job: Callable[[Any], Any] = pickle.loads(_exactly(control, receive(control)))  # noqa: S301 - from our parent
        prepare = getattr(job, "prepare", None)
        if prepare is not None:
            prepare()
        gc.collect()
        gc.freeze()  # pages that no collection touches stay shared
        _send(control, READY)
        while True:
            order, pipes = _order(control)
            if order == FORK:
                _send(control, _fork(control, pipes[0], job, memory_bytes))
            else:
                _send(control, _reap(receive(control), receive(control) / 1000))


def _order(control: socket.socket) -> tuple[int, list[int]]:
    data, pipes, _, _ = socket.recv_fds(control, NUMBER, 1)
    if not data:
        raise EOFError
    return int.from_bytes(data + _exactly(control, NUMBER - len(data)), "big", signed=True), pipes


def _exactly(control: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = control.recv(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(control: socket.socket, number: int) -> None:
    control.sendall(number.to_bytes(NUMBER, "big", signed=True))


def _fork(control: socket.socket, pipe: int, job: Callable[[Any], Any], memory_bytes: int) -> int:
    """Fork a worker on a pipe; the template has one thread alone, so that this is safe."""
    worker = os.fork()
    if worker:
        os.close(pipe)
        return worker
    code = 1
    try:
        die_with_parent()
        control.close()
        limit_memory(memory_bytes)
        _work(pipe, job)
        code = 0
    finally:
        os._exit(code)  # nothing of the template's may run here


def _work(handle: int, job: Callable[[Any], Any]) -> None:
    """The worker: one item after another until the pipe closes."""
    with Connection(handle) as pipe:
        while True:
            try:
                item = pipe.recv()
            except EOFError:
                return
            pipe.send_bytes(_answer(job, item))


def _reap(worker: int, patience_s: float) -> int:
    """End a worker, that has some time to end by itself; its exit code, negative for a signal."""
    until = time.monotonic() + patience_s
    try:
        found, status = os.waitpid(worker, os.WNOHANG)
        while not found and time.monotonic() < until:
            time.sleep(0.005)
            found, status = os.waitpid(worker, os.WNOHANG)
        if not found:
            os.kill(worker, signal.SIGKILL)
            _, status = os.waitpid(worker, 0)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status)


def _answer(job: Callable[[Any], Any], item: Any) -> bytes:
    try:
        return pickle.dumps(Done(job(item)), protocol=pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return pickle.dumps(Failed("memory", "it needs more memory than the settings allow"))
    except Exception as error:  # noqa: BLE001 - one item's failure of any kind must not end the others
        return pickle.dumps(Failed("error", f"{type(error).__name__}: {error}"[:300]))


def die_with_parent() -> None:
    """Ask Linux to kill this process when the thread that started it ends; elsewhere the closing pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(memory_bytes: int) -> None:
    """Limit this process's address space to what it has now and `memory_bytes` more."""
    if sys.platform != "linux":
        return  # other systems do not keep to it
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    now = int(pages) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + memory_bytes, now + memory_bytes))
