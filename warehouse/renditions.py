"""Where renditions lie: made once per photo, and shown under names that tell nothing.

``renditions/made/`` holds one file per photo and way of making; Label Studio never sees that folder.
``renditions/shown/BATCH/`` holds one name per task: two showings of one photo have two unlike addresses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from pyarrow import fs as pafs

from warehouse.filesystem import Location

SHOWN = "renditions/shown"


class Renditions:
    """Reads and writes the renditions of one way of making (size and quality)."""

    def __init__(self, location: Location, version: str) -> None:
        self._location = location
        self._files = location.filesystem()
        self.version = version
        self._folders: set[str] = set()

    def missing(self, photo_ids: Iterable[str]) -> list[str]:
        """The photos that have no rendition yet, each once, in order."""
        wanted = list(dict.fromkeys(photo_ids))
        found = self._files.get_file_info([self._made(photo_id) for photo_id in wanted])
        return [p for p, info in zip(wanted, found, strict=True) if info.type != pafs.FileType.File]

    def put(self, photo_id: str, data: bytes) -> None:
        """Keep a rendition; a reader never sees half of one."""
        path = self._made(photo_id)
        if self._location.is_local:
            self._files.create_dir(path.rsplit("/", 1)[0], recursive=True)
            unfinished = f"{path}.{os.getpid()}"
            with self._files.open_output_stream(unfinished) as stream:
                stream.write(data)
            self._files.move(unfinished, path)
            return
        with self._files.open_output_stream(path) as stream:
            stream.write(data)

    def show(self, photo_id: str, batch_id: str, name: str) -> None:
        """Give a rendition the name under which a task shows it."""
        made, shown = self._made(photo_id), f"{SHOWN}/{batch_id}/{name}"
        if not self._location.is_local:
            self._files.copy_file(made, shown)
            return
        if batch_id not in self._folders:
            self._location.local(SHOWN, batch_id).mkdir(parents=True, exist_ok=True)
            self._folders.add(batch_id)
        try:
            os.link(self._location.join(made), self._location.join(shown))
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            self._files.copy_file(made, shown)

    def _made(self, photo_id: str) -> str:
        return f"renditions/made/{self.version}/{photo_id[:2]}/{photo_id}.jpg"


def hide(location: Location, batch_id: str) -> None:
    """Take away all names of a batch; the renditions stay."""
    files = location.filesystem()
    if files.get_file_info(f"{SHOWN}/{batch_id}").type == pafs.FileType.Directory:
        files.delete_dir(f"{SHOWN}/{batch_id}")
