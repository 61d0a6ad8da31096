"""Copies of originals in the warehouse, for photos that cannot be read again where they were seen."""

from __future__ import annotations

import os

from pyarrow import fs as pafs

from warehouse.filesystem import Location
from warehouse.releases.originals import object_path


def keep_copy(location: Location, photo_id: str, data: bytes) -> None:
    """Write an original under its photo_id, whole or not at all; what is there already is left."""
    files = location.filesystem()
    path = object_path(photo_id)
    if files.get_file_info(path).type == pafs.FileType.File:
        return
    if not location.is_local:  # an object appears when it is complete
        with files.open_output_stream(path) as stream:
            stream.write(data)
        return
    target = location.local(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(target)
