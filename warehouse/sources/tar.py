"""Tar files (WebDataset): members are read at their place in the archive; JSON beside a picture tells its rights."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import fsspec

from schemas.errors import BadInput
from warehouse.sources.entries import UNKNOWN_TIME, Entry
from warehouse.sources.folder import NO_PICTURES, ending_of
from warehouse.sources.remote import RemoteFile
from warehouse.sources.url_list import COLUMNS

MOST_SIDECAR_BYTES = 1_000_000


@dataclass
class TarSource:
    """One uncompressed tar file, local or remote."""

    name: str
    address: str
    _ignored: dict[str, int] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry]:
        """The members that may be pictures, each with what a JSON file of the same name says."""
        try:
            with fsspec.open(self.address, "rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
                waiting: dict[str, list[Entry]] = {}
                for member in archive:
                    if not member.isfile():
                        continue
                    folder, slash, name = member.name.rpartition("/")
                    key = folder + slash + name.split(".", 1)[0]
                    if key not in waiting:  # WebDataset: files of one sample stand together
                        yield from self._released(waiting)
                        waiting = {key: []}
                    self._take(archive, member, waiting[key])
                yield from self._released(waiting)
        except tarfile.TarError as error:
            raise BadInput(
                f"no tar file that can be read ({error})",
                where=self.name,
                todo="Compressed archives have to be unpacked first",
            ) from error

    def ignored(self) -> dict[str, int]:
        """Members passed over, by ending."""
        return dict(self._ignored)

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo, sample: list[Any]) -> None:
        file_name = member.name.rsplit("/", 1)[-1]
        ending = ending_of(file_name)
        if ending == ".json" and member.size <= MOST_SIDECAR_BYTES:
            held = archive.extractfile(member)
            sample.append(rights_of(held.read() if held else b""))
        elif ending in NO_PICTURES or ending == ".cls" or file_name.startswith("."):
            self._ignored[ending] = self._ignored.get(ending, 0) + 1
        else:
            sample.append(
                Entry(
                    source=self.name,
                    uri=f"tar://{member.name}::{self.address}",
                    file_name=file_name,
                    size=member.size,
                    modified_at=datetime.fromtimestamp(member.mtime, UTC) if member.mtime > 0 else UNKNOWN_TIME,
                    address=RemoteFile(self.address, member.offset_data, member.size),
                    permanent=False,
                    distant="://" in self.address,
                )
            )

    def _released(self, waiting: dict[str, list[Any]]) -> Iterator[Entry]:
        for sample in waiting.values():
            rights: dict[str, str] = {}
            for part in sample:
                if isinstance(part, dict):
                    rights |= part
            for part in sample:
                if isinstance(part, Entry):
                    yield _with_rights(part, rights)


def _with_rights(entry: Entry, rights: dict[str, str]) -> Entry:
    return replace(entry, license=rights.get("license"), photographer=rights.get("photographer")) if rights else entry


def rights_of(sidecar: bytes) -> dict[str, str]:
    """Licence and photographer in a JSON file; empty where it is none or says nothing."""
    try:
        content = json.loads(sidecar)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    lower = {str(name).lower(): value for name, value in content.items()}
    found = {}
    for key in ("license", "photographer"):
        value = next((lower[word] for word in COLUMNS[key] if isinstance(lower.get(word), str)), None)
        if value:
            found[key] = str(value).strip()
    return found
