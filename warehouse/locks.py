"""One worker at a time: a named lock in the warehouse.

In a folder the kernel holds it, and frees it whatever ends the process; on an object store it is a lease.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import WriteConflict
from warehouse.filesystem import Location
from warehouse.leases import leased

LOOK_AGAIN_S = 0.2


@contextmanager
def exclusive(location: Location, name: str, patience_s: float) -> Iterator[None]:
    """Hold the lock `name` of a warehouse while the block runs.

    Raises
    ------
    WriteConflict
        Another holds it for longer than `patience_s`; says who, and since when.
    """
    if not location.is_local:
        with leased(location, name, patience_s):
            yield
        return
    folder = location.local("locks")
    folder.mkdir(exist_ok=True)
    until = time.monotonic() + patience_s
    with (folder / name).open("a+", encoding="utf-8") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise WriteConflict(_held(folder / name, name)) from None
                time.sleep(LOOK_AGAIN_S)
        stream.truncate(0)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
        stream.write(json.dumps(holder))
        stream.flush()
        yield


def _held(path: Path, name: str) -> str:
    text = path.read_text(encoding="utf-8")
    holder = json.loads(text) if text else {}
    who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('since', '?')}"
    return f"another `salon {name}` is at work on this warehouse ({who}); run the same again when it is done."
