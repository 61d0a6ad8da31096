"""The error tree. Each message is one sentence: what, where, expected, got, and what to do.

::

    SalonError                     exit code 1
    ├── PassingFault               worth another try: flows retry these, and only these
    │   ├── ServiceUnavailable     a server does not answer (Label Studio, an object store, the Hub)
    │   ├── WriteConflict          another writer committed first, and retries are used up
    │   └── WorkerLost             a worker process died under a shard
    └── PermanentFault             the same again would fail the same way
        ├── WrongUse               exit code 2: an argument or a setting is wrong
        ├── BadInput               a file, row or answer is wrong: names file, line and field
        ├── NotAuthorised          a token or password is refused
        ├── MissingWeights         a model's weights cannot be had
        ├── IntegrityFault         stored bytes are missing, or not what their checksum says
        ├── StorageRefused         the disk is full, or may not be written
        ├── NotEnoughMemory        a query needs more memory than it may take
        ├── WarehouseVersion       the warehouse was made by a newer Salon
        └── GateRefused            exit code 3: a release is not good enough; says by how much
"""

from __future__ import annotations


class SalonError(Exception):
    """Root of everything that Salon raises on purpose."""

    exit_code = 1


class PassingFault(SalonError):
    """The same call may succeed later."""


class ServiceUnavailable(PassingFault):
    """A server that the stage needs does not answer."""


class WriteConflict(PassingFault):
    """Another writer committed first, and all retries are used up."""


class WorkerLost(PassingFault):
    """A worker process died while it held a shard."""


class PermanentFault(SalonError):
    """The same call would fail the same way."""


class WrongUse(PermanentFault):
    """The command or a setting is wrong; nothing was started."""

    exit_code = 2


class BadInput(PermanentFault):
    """Input that cannot be taken, described by the place where it stands.

    Parameters
    ----------
    what : str
        What is wrong, as the start of a sentence.
    where : str, optional
        File or address.
    line : int, optional
        Line of the file, counted from 1, the header included.
    field : str, optional
        Column or key.
    expected, got : str, optional
        What should have stood there, and what does.
    todo : str, optional
        What the person can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        line: int | None = None,
        field: str = "",
        expected: str = "",
        got: str = "",
        todo: str = "",
    ) -> None:
        self.what, self.where, self.line, self.field = what, where, line, field
        self.expected, self.got, self.todo = expected, got, todo
        place = ", ".join(
            part
            for part in (
                where,
                f"line {line}" if line is not None else "",
                f"field '{field}'" if field else "",
            )
            if part
        )
        text = f"{place}: {what}" if place else what
        if expected:
            text += f"; expected {expected}"
        if got:
            text += f"{',' if expected else ';'} got {got}"
        text = text.rstrip(".")
        super().__init__(f"{text}. {todo}".rstrip() if todo else f"{text}.")


class NotAuthorised(PermanentFault):
    """A token or password is refused."""


class MissingWeights(PermanentFault):
    """The weights of a model cannot be had on this machine."""


class IntegrityFault(PermanentFault):
    """Stored bytes are missing, or not what their checksum says."""


class StorageRefused(PermanentFault):
    """The disk is full, or may not be written; what was committed stays."""


class NotEnoughMemory(PermanentFault):
    """A query needs more memory than it may take; what was committed stays."""


class WarehouseVersion(PermanentFault):
    """The warehouse was made by a newer version of Salon."""


class GateRefused(PermanentFault):
    """A release does not pass a gate."""

    exit_code = 3

    def __init__(self, message: str, *, gates: tuple[str, ...] = ()) -> None:
        self.gates = gates
        super().__init__(message)
