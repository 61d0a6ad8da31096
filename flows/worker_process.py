"""The child's side of `flows.worker_pool`: limits on itself, then one job after another until the pipe closes."""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import sys
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


READY = "ready"


def serve(handle: int, memory_bytes: int) -> None:
    """Run jobs that come over a socket, given by its file descriptor, until it closes."""
    die_with_parent()
    # Decoders write to standard error on their own; what matters comes back as a result.
    with Path(os.devnull).open("r+b", buffering=0) as nothing:
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    with Connection(handle) as pipe:
        job: Callable[[Any], Any] = pipe.recv()
        prepare = getattr(job, "prepare", None)
        if prepare is not None:
            prepare()
        limit_memory(memory_bytes)
        pipe.send(READY)
        while True:
            try:
                item = pipe.recv()
            except EOFError:
                return
            pipe.send_bytes(_answer(job, item))


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
