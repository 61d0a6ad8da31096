"""Who wrote a version of a table: a name that each commit carries in Delta's history."""

from __future__ import annotations

import os
import socket

import psutil
from deltalake import CommitProperties

WRITER = "writer"
"""Key under which a commit names its writer: `DeltaTable.history` shows it."""


def writer_name() -> str:
    """This process, on this machine, since its start: a process number alone is used again."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def signed() -> CommitProperties:
    """A commit that names its writer, and is refused when another came first, instead of being rebased over it."""
    return CommitProperties(max_commit_retries=0, custom_metadata={WRITER: writer_name()})
