"""From what a person typed to a source."""

from __future__ import annotations

from warehouse.sources.entries import Source
from warehouse.sources.folder import local_source


def open_source(text: str) -> Source:
    """The source that a text names: a folder, a file or a glob.

    Raises
    ------
    WrongUse
        There is no such thing.
    """
    return local_source(text.removeprefix("file://"))
