"""A release's folder: made under a temporary name, renamed last, listed by checksums."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import WrongUse

MAKING = ".making-"
DRAFTS = "drafts"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
TOMBSTONE = "WITHDRAWN.json"
NAME_FORM = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}")
VERSION_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def check_name(name: str) -> str:
    """The name of a dataset, if it can be one; raises WrongUse otherwise."""
    if not NAME_FORM.fullmatch(name):
        raise WrongUse(
            f"'{name}': expected a dataset's name of lower-case letters, digits, '.', '_' and '-', such as beauty-1k."
        )
    return name


def version_key(version: str) -> tuple[int, int, int]:
    """A version as numbers that sort; raises WrongUse for anything but MAJOR.MINOR.PATCH."""
    found = VERSION_FORM.fullmatch(version)
    if not found:
        raise WrongUse(f"'{version}': expected a version as MAJOR.MINOR.PATCH, such as 1.2.0.")
    return int(found[1]), int(found[2]), int(found[3])


def versions(folder: Path) -> list[str]:
    """Complete versions in a dataset's folder, oldest first; withdrawn ones are not among them."""
    if not folder.is_dir():
        return []
    found = [p.name for p in folder.iterdir() if VERSION_FORM.fullmatch(p.name) and (p / MANIFEST).exists()]
    return sorted(found, key=version_key)


@contextmanager
def sole_publisher(folder: Path) -> Iterator[None]:
    """Hold the dataset's folder alone; raises WrongUse where another publish holds it.

    The lock dies with its process, so that a killed publish never blocks the next one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongUse(f"{folder}: another publish is at work here; wait for its end.") from error
        yield


def begin(folder: Path, version: str) -> Path:
    """An empty temporary folder for a version; what killed runs left behind is removed."""
    for left in folder.glob(f"{MAKING}*"):
        shutil.rmtree(left)
    path = folder / f"{MAKING}{version}"
    path.mkdir(parents=True)
    return path


def finish(path: Path, final: Path) -> Path:
    """Give a finished folder its name, once all of it is on the disk; raises WrongUse where the name is taken."""
    for file in files_of(path):
        _sync(path / file)
    _sync(path)
    if final.exists():
        raise WrongUse(f"{final}: this version is there already, and a version never changes.")
    final.parent.mkdir(parents=True, exist_ok=True)
    path.rename(final)
    _sync(final.parent)
    return final


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_of(folder: Path) -> list[str]:
    """All files under a folder, as relative POSIX paths in order."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() or p.is_symlink())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_sums(folder: Path, sums: dict[str, str]) -> None:
    """`SHA256SUMS`: checksums as sha256sum reads them."""
    lines = [f"{sums[name]}  {name}\n" for name in sorted(sums)]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def read_sums(folder: Path) -> dict[str, str]:
    """The content of `SHA256SUMS`: file to checksum; lines of any other form are left out."""
    text = (folder / SUMS).read_text(encoding="utf-8", errors="replace")
    return {m[2]: m[1] for m in re.finditer(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}
