"""One worker at a time on an object store, where no kernel can hold a lock: a lease in a Delta log.

A commit on top of a version is refused when another came first, which makes the log a register that only one
writer can change. The holder renews its lease while it works; a lease that was not renewed in time is free.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from uuid import uuid4

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from schemas.errors import WriteConflict
from warehouse.faults import STORAGE_ERRORS
from warehouse.filesystem import Location

LEASE_S = 180.0
"""A holder that has not renewed for so long is taken for dead; clocks of machines may differ by less."""
RENEW_S = 45.0
LOOK_AGAIN_S = 0.5
SCHEMA = pa.schema([("holder", pa.string()), ("who", pa.string()), ("until", pa.float64())])
FREE = ""


@dataclass(frozen=True)
class Held:
    """The register's content: who holds it (an id of their own, and words for people), until when."""

    holder: str = FREE
    who: str = ""
    until: float = 0.0


@contextmanager
def leased(location: Location, name: str, patience_s: float, lease_s: float = LEASE_S) -> Iterator[None]:
    """Hold the lease `name` of a warehouse on an object store while the block runs.

    Parameters
    ----------
    patience_s : float
        Seconds to wait for another holder.
    lease_s : float
        Seconds after which a holder that was killed is taken for dead.

    Raises
    ------
    WriteConflict
        Another holds it for longer than `patience_s`; or it was lost while the block ran, because it could not
        be renewed in time.
    """
    register = _Register(location, name)
    mine = uuid4().hex
    who = f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    limit = time.monotonic() + patience_s
    while True:
        version, held = register.read()
        free = held.holder == FREE or held.until < time.time()
        if free and register.write(version, Held(mine, who, time.time() + lease_s)):
            break
        if not free and time.monotonic() > limit:
            raise WriteConflict(
                f"another `salon {name}` is at work on this warehouse ({held.who}); run the same again when it is "
                f"done. If it was killed, its lease ends by itself within {lease_s:.0f} s."
            )
        time.sleep(LOOK_AGAIN_S if not free else 0.0)
    done, lost = Event(), Event()
    renewing = Thread(
        target=_renew, args=(register, Held(mine, who), lease_s, done, lost), name=f"lease of {name}", daemon=True
    )
    renewing.start()
    try:
        yield
    finally:
        done.set()
        renewing.join()
        version, held = register.read()
        if held.holder == mine:
            register.write(version, Held())
        else:
            lost.set()
    if lost.is_set():
        raise WriteConflict(f"the lease of `salon {name}` was lost while it worked; run the same again.")


def _renew(register: _Register, held: Held, lease_s: float, done: Event, lost: Event) -> None:
    """Write the lease anew until the work is done; set `lost` where another holds it."""
    while not done.wait(min(RENEW_S, lease_s / 4)):
        try:
            version, found = register.read()
            if found.holder != held.holder:
                lost.set()
                return
            register.write(version, Held(held.holder, held.who, time.time() + lease_s))
        except STORAGE_ERRORS:
            continue  # the store did not answer: there are three more tries before the lease ends


class _Register:
    """One row that changes by compare-and-set."""

    def __init__(self, location: Location, name: str) -> None:
        self._address = location.join("locks", name)
        self._files = location.filesystem("locks", name)
        self._options = location.storage_options()

    def read(self) -> tuple[DeltaTable, Held]:
        """The log at its newest version, and what it says."""
        try:
            delta = DeltaTable(self._address, storage_options=self._options)
        except TableNotFoundError:
            DeltaTable.create(self._address, SCHEMA, mode="ignore", storage_options=self._options)
            delta = DeltaTable(self._address, storage_options=self._options)
        rows = delta.to_pyarrow_dataset(filesystem=self._files, schema=SCHEMA).to_table().to_pylist()
        return delta, Held(**rows[0]) if rows else Held()

    def write(self, delta: DeltaTable, held: Held) -> bool:
        """Change the row, on top of the version that was read; False where another came first."""
        row = pa.table({"holder": [held.holder], "who": [held.who], "until": [held.until]}, schema=SCHEMA)
        try:
            write_deltalake(
                delta,
                row,
                mode="overwrite",
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except CommitFailedError:
            return False
        return True
