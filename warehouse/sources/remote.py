"""Anything that fsspec reaches: object stores, archives' insides, the Hub; listed in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import fsspec

from schemas.codes import QuarantineReason
from schemas.errors import NotAuthorised, ServiceUnavailable, WrongUse
from warehouse.sources.entries import UNKNOWN_SIZE, UNKNOWN_TIME, Content, Entry, Unreadable
from warehouse.sources.folder import NO_PICTURES, ending_of, too_large

LISTERS = 16
"""Prefixes that are listed at once."""


@dataclass(frozen=True)
class RemoteFile:
    """A file at an fsspec address; `start` and `size` name a part of it (a member of a tar file).

    Where its size was `listed`, it is not asked for again before the file is read.
    """

    url: str
    start: int = 0
    size: int = UNKNOWN_SIZE
    listed: int = UNKNOWN_SIZE

    def read(self, most: int) -> Content:
        """Read it in one request."""
        if self.size > most:
            raise too_large(self.size, most)
        try:
            files, path = fsspec.url_to_fs(self.url)
            if self.size == UNKNOWN_SIZE:
                size = self.listed if self.listed != UNKNOWN_SIZE else int(files.info(path).get("size") or 0)
                if size > most:
                    raise too_large(size, most)
                return Content(bytes(files.cat_file(path)))
            data = bytes(files.cat_file(path, start=self.start, end=self.start + self.size))
        except FileNotFoundError:
            raise Unreadable(QuarantineReason.UNREADABLE, "it vanished before it was read") from None
        except (OSError, ValueError) as error:
            raise Unreadable(QuarantineReason.UNREADABLE, f"it cannot be read: {type(error).__name__}") from error
        if len(data) != self.size:
            raise Unreadable(QuarantineReason.UNREADABLE, f"{len(data):,} of {self.size:,} bytes came")
        return Content(data)


def time_of(listed: dict[str, Any]) -> datetime:
    """The modification time that a listing gives, in UTC; the unknown time where it gives none."""
    found = next((listed[name] for name in ("LastModified", "updated", "mtime", "modified") if listed.get(name)), None)
    if isinstance(found, int | float):
        found = datetime.fromtimestamp(found, UTC)
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found)
        except ValueError:
            return UNKNOWN_TIME
    if not isinstance(found, datetime):
        return UNKNOWN_TIME
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def tag_of(listed: dict[str, Any]) -> str:
    """What tells versions of an object apart: its ETag, checksum or generation."""
    found = next((listed[name] for name in ("ETag", "etag", "md5Hash", "generation", "sha256") if listed.get(name)), "")
    return str(found).strip('"')


@dataclass
class RemoteSource:
    """A prefix or glob of an object store, or of anything else with folders that fsspec knows."""

    name: str
    _ignored: dict[str, int] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry]:
        """All objects below the prefix; folders at its top are listed side by side."""
        try:
            files, path = fsspec.url_to_fs(self.name)
            if any(sign in path for sign in "*?["):
                for key, listed in sorted(files.glob(path, detail=True).items()):
                    yield from self._entry(files, key, listed)
                return
            top = files.ls(path, detail=True)
            folders = sorted(item["name"] for item in top if item["type"] == "directory")
            for item in sorted(top, key=lambda item: str(item["name"])):
                if item["type"] == "file":
                    yield from self._entry(files, item["name"], item)
            with ThreadPoolExecutor(LISTERS, thread_name_prefix="listing") as pool:
                for found in pool.map(lambda folder: files.find(folder, detail=True), folders):
                    for key, listed in found.items():
                        yield from self._entry(files, key, listed)
        except FileNotFoundError:
            raise WrongUse(f"{self.name}: there is no such address.") from None
        except PermissionError as error:
            raise NotAuthorised(f"{self.name}: the store refuses ({error}).") from error
        except (ImportError, ValueError) as error:
            raise WrongUse(f"{self.name}: {error}.") from error
        except OSError as error:
            raise ServiceUnavailable(f"{self.name}: the store does not answer ({error}).") from error

    def ignored(self) -> dict[str, int]:
        """Objects passed over, by ending."""
        return dict(self._ignored)

    def _entry(self, files: Any, key: str, listed: dict[str, Any]) -> Iterator[Entry]:
        if listed.get("type") != "file":
            return
        name = key.rsplit("/", 1)[-1]
        ending = ending_of(name)
        if not name or name.startswith(".") or ending in NO_PICTURES:
            what = "hidden" if name.startswith(".") else ending or "without a name"
            self._ignored[what] = self._ignored.get(what, 0) + 1
            return
        uri = files.unstrip_protocol(key)
        size = listed.get("size")
        yield Entry(
            distant=True,
            source=self.name,
            uri=uri,
            file_name=name,
            size=UNKNOWN_SIZE if size is None else int(size),
            modified_at=time_of(listed),
            etag=tag_of(listed),
            address=RemoteFile(uri, listed=UNKNOWN_SIZE if size is None else int(size)),
        )
