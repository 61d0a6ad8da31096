"""Peak memory of this process alone."""

from __future__ import annotations

from pathlib import Path


def peak_mb() -> float:
    """Most resident memory since the program started, in MB.

    `ru_maxrss` will not do: a child begins with the size of the parent that it was forked from.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status tells no VmHWM; this measures on Linux only")
