"""A local folder with all its subfolders, a glob, or a single file."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from schemas.codes import QuarantineReason
from schemas.errors import WrongUse
from warehouse.sources.entries import UNKNOWN_SIZE, UNKNOWN_TIME, Content, Entry, Unreadable

NO_PICTURES = frozenset(
    {
        *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".xmp", ".html", ".htm", ".css", ".js"),
        *(".toml", ".yaml", ".yml", ".ini", ".cfg", ".log", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".parquet"),
        *(".arrow", ".db", ".sqlite", ".py", ".sh", ".ipynb", ".npy", ".npz", ".pkl", ".lnk", ".url", ".thm", ".aae"),
    }
)
"""Endings that are counted and passed over; everything else is read and judged by its content."""

MOST_SIDECAR_BYTES = 4_000_000
READ_AGAIN = 3
"""Times that a file is read while it keeps changing."""


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine, and the XMP file beside it if there is one."""

    path: str | bytes
    sidecar: str | None = None

    def read(self, most: int) -> Content:
        """Read the file; a file that changes meanwhile is read again."""
        try:
            for _ in range(READ_AGAIN):
                content = self._read_once(most)
                if content is not None:
                    return content
        except FileNotFoundError:
            raise Unreadable(QuarantineReason.UNREADABLE, "it vanished before it was read") from None
        except OSError as error:
            detail = f"it cannot be read: {error.strerror or type(error).__name__}"
            raise Unreadable(QuarantineReason.UNREADABLE, detail) from error
        raise Unreadable(QuarantineReason.UNREADABLE, f"it changed each of the {READ_AGAIN} times that it was read")

    def _read_once(self, most: int) -> Content | None:
        """The content; None where it changed while it was read."""
        # Without O_NONBLOCK a pipe that has taken the file's place would hold the reader for ever.
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb", buffering=0) as stream:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise Unreadable(QuarantineReason.UNREADABLE, "it is no regular file any more")
            if before.st_size > most:
                raise too_large(before.st_size, most)
            data = stream.read(before.st_size + 1)
            if len(data) > before.st_size:
                return None
            while len(data) < before.st_size:  # a raw read may give less than was asked for
                more = stream.read(before.st_size - len(data))
                if not more:
                    return None
                data += more
            after = os.fstat(handle)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            return None
        return Content(data, before.st_size, time_of(before), self._sidecar())

    def _sidecar(self) -> bytes | None:
        """What stands beside the file; metadata that cannot be read cost no photo."""
        if self.sidecar is None:
            return None
        try:
            path = Path(self.sidecar)
            return path.read_bytes() if path.stat().st_size <= MOST_SIDECAR_BYTES else None
        except OSError:
            return None


def too_large(size: int, most: int) -> Unreadable:
    """The refusal of a file with too many bytes."""
    return Unreadable(QuarantineReason.TOO_LARGE, f"{size:,} bytes; at most {most:,} are allowed")


def time_of(status: os.stat_result) -> datetime:
    """Modification time in UTC to the microsecond; the unknown time where the clock is out of range."""
    try:
        return datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1e6, UTC)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN_TIME


@dataclass
class FolderSource:
    """A folder, walked in the order of names; links may not lead out of it.

    Parameters
    ----------
    name : str
        As the person gave it.
    root : Path
        The folder, resolved.
    """

    name: str
    root: Path
    _ignored: dict[str, int] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry]:
        """All files below the folder."""
        pending = [str(self.root)]
        while pending:
            folders = []
            folder = pending.pop()
            try:
                items = _sorted_scan(folder)
            except OSError as error:
                detail = f"the folder cannot be listed: {error.strerror or type(error).__name__}"
                yield refused(self.name, folder, QuarantineReason.UNREADABLE, detail)
                continue
            sidecars = {item.name.lower(): item.path for item in items if is_sidecar(item)}
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    if not item.name.startswith("."):
                        folders.append(item.path)
                    continue
                entry = self._entry(item, sidecars)
                if entry is not None:
                    yield entry
            pending += reversed(folders)

    def ignored(self) -> dict[str, int]:
        """Files passed over, by ending."""
        return dict(self._ignored)

    def _entry(self, item: os.DirEntry[str], sidecars: dict[str, str]) -> Entry | None:
        ending = ending_of(item.name)
        if item.name.startswith(".") or ending in NO_PICTURES or item.name in ("Thumbs.db", "desktop.ini"):
            what = "hidden" if item.name.startswith(".") else ending
            self._ignored[what] = self._ignored.get(what, 0) + 1
            return None
        try:
            if item.is_symlink():
                target = Path(item.path).resolve(strict=True)
                if not target.is_relative_to(self.root):
                    return refused(self.name, item.path, QuarantineReason.UNSAFE_PATH, "a link out of the source")
                if target.is_dir():
                    return None  # its files are seen at their own place
            return entry_of(self.name, item.path, item.stat(), _sidecar_of(item.name, sidecars))
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
            return refused(self.name, item.path, QuarantineReason.UNREADABLE, f"it cannot be looked at: {error}")


def is_sidecar(item: os.DirEntry[str]) -> bool:
    """Whether a folder's item is an XMP file, and no link that could lead anywhere."""
    return item.name[-4:].lower() == ".xmp" and item.is_file(follow_symlinks=False)


def _sidecar_of(name: str, sidecars: dict[str, str]) -> str | None:
    """``photo.jpg.xmp`` or ``photo.xmp`` beside ``photo.jpg``."""
    if not sidecars:
        return None
    lower = name.lower()
    return sidecars.get(f"{lower}.xmp") or sidecars.get(f"{lower.rpartition('.')[0]}.xmp")


@dataclass
class FilesSource:
    """Single files, such as those that a glob names."""

    name: str
    paths: list[str]

    def entries(self) -> Iterator[Entry]:
        """The files in the order of their names."""
        for path in sorted(self.paths):
            try:
                resolved = Path(path).resolve(strict=True)
                yield entry_of(self.name, str(resolved), resolved.stat())
            except (OSError, RuntimeError) as error:
                yield refused(self.name, path, QuarantineReason.UNREADABLE, f"it cannot be looked at: {error}")

    def ignored(self) -> dict[str, int]:
        """Nothing: what is named is looked at."""
        return {}


def local_source(text: str) -> FolderSource | FilesSource:
    """The source that a local path or glob names; raises WrongUse where nothing is there."""
    path = Path(text).expanduser()
    if path.is_dir():
        return FolderSource(text, path.resolve())
    if path.is_file():
        return FilesSource(text, [str(path)])
    if glob.has_magic(text):
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
        found = [match for match in matches if not Path(match).is_dir()]
        if found:
            return FilesSource(text, found)
        raise WrongUse(f"{text}: no file matches this pattern.")
    raise WrongUse(f"{text}: there is no such file or folder.")


def entry_of(source: str, path: str, status: os.stat_result, sidecar: str | None = None) -> Entry:
    """The entry of a regular file; others are refused."""
    if not stat.S_ISREG(status.st_mode):
        return refused(source, path, QuarantineReason.UNREADABLE, "a pipe, socket or device, no file")
    return Entry(
        source=source,
        uri=uri_of(path),
        file_name=shown(path.rpartition(os.sep)[2]),
        size=status.st_size,
        modified_at=time_of(status),
        address=LocalFile(os.fsencode(path) if _odd(path) else path, sidecar),
    )


def refused(source: str, path: str, reason: QuarantineReason, detail: str) -> Entry:
    """An entry that must not be read."""
    return Entry(
        source=source,
        uri=uri_of(path),
        file_name=shown(path.rpartition(os.sep)[2]),
        size=UNKNOWN_SIZE,
        modified_at=UNKNOWN_TIME,
        address=None,
        refused=Unreadable(reason, detail),
    )


def uri_of(path: str) -> str:
    """The path itself; a ``file://`` address with percent signs where the path is no valid text."""
    return "file://" + quote(os.fsencode(path)) if _odd(path) else path


def shown(name: str) -> str:
    """A file name as valid text."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def _odd(path: str) -> bool:
    """Whether a path holds bytes that are no UTF-8 (Python keeps them as lone surrogates)."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _sorted_scan(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as items:
        return sorted(items, key=lambda item: item.name)


def ending_of(name: str) -> str:
    """The ending of a file name in lower case, with its dot (a Path object for each of millions costs too much)."""
    stem, dot, ending = name.rpartition(".")
    return (dot + ending).lower() if stem else ""
