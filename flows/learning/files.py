"""Where the heads of a release lie, and how their files are written: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from flows.context import Run
from flows.learning.release import Published


def heads_folder(run: Run, published: Published) -> Path:
    """Where the heads of a version lie."""
    slug = "".join(c if c.isalnum() or c in ".-" else "_" for c in published.model)[-80:]
    about = published.manifest
    return run.warehouse.location.local("heads", about["name"], about["version"], slug)


def write_whole(path: Path, content: bytes) -> bool:
    """Write a file whole or not at all, and leave it alone where it is as it should be; says whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
    return True
