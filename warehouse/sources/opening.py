"""From what a person typed to sources."""

from __future__ import annotations

import glob
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from schemas.errors import BadInput, WrongUse
from warehouse.sources.entries import Source
from warehouse.sources.folder import ending_of, local_source
from warehouse.sources.image_table import ImageTableSource, image_column
from warehouse.sources.inventory import InventorySource, is_inventory, is_inventory_file
from warehouse.sources.object_store import ObjectStoreSource, lists_in_columns
from warehouse.sources.remote import RemoteSource
from warehouse.sources.table_files import open_table
from warehouse.sources.tar import TarSource
from warehouse.sources.url_list import COLUMNS, UrlListSource, UrlSource, find_column
from warehouse.sources.web import WebManners


class SourceKind(StrEnum):
    """What a source is, where its name does not tell."""

    FILES = "files"
    """A folder, a glob, a file, an fsspec address."""
    TAR = "tar"
    URLS = "urls"
    """A list of addresses."""
    IMAGES = "images"
    """A table with pictures in it."""
    INVENTORY = "inventory"
    """What an object store says of a bucket's content: a manifest.json, or a table with bucket and key."""


LISTS = (".csv", ".tsv", ".txt")
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip", ".7z", ".rar")


def open_sources(text: str, kind: SourceKind | None = None, manners: WebManners | None = None) -> list[Source]:
    """The sources that a text names; a pattern of tar or Parquet files is one source for each.

    Parameters
    ----------
    text : str
        A folder, file or glob, an fsspec address, a list of addresses, a tar or Parquet file.
    kind : SourceKind, optional
        By the ending of the name where it is not given.
    manners : WebManners, optional
        How addresses of the web are read.

    Raises
    ------
    WrongUse
        There is no such thing.
    """
    text = text.removeprefix("file://")
    found = kind or _kind_by_name(text)
    if found is SourceKind.FILES:
        if "://" not in text:
            return [local_source(text)]
        if _is_web(text):
            return [UrlSource(text, manners or WebManners())]
        return [ObjectStoreSource(text) if lists_in_columns(text) else RemoteSource(text)]
    paths = _matches(text)
    if found is SourceKind.TAR:
        return [TarSource(text, path) for path in paths]
    if found is SourceKind.INVENTORY:
        return [InventorySource(path) for path in paths]
    if found is SourceKind.URLS:
        return [
            InventorySource(path) if is_inventory_file(path) else UrlListSource(text, path, manners or WebManners())
            for path in paths
        ]
    return [_table(text, path, kind, manners or WebManners()) for path in paths]


def _kind_by_name(text: str) -> SourceKind:
    ending = ending_of(text.rstrip("/").rsplit("/", 1)[-1])
    if "://" not in text and Path(text).expanduser().is_dir():
        return SourceKind.IMAGES if _saved_dataset(text) else SourceKind.FILES
    if text.lower().endswith(COMPRESSED):
        raise WrongUse(f"{text}: of archives only uncompressed tar files are read; unpack it first.")
    if ending == ".tar":
        return SourceKind.TAR
    if ending in (".parquet", ".arrow"):
        return SourceKind.IMAGES
    if text.rpartition("/")[2] == "manifest.json":
        return SourceKind.INVENTORY
    return SourceKind.URLS if ending in LISTS else SourceKind.FILES


def _saved_dataset(text: str) -> list[str]:
    """The tables in a folder that `datasets.save_to_disk` has written; none where it is another folder."""
    folder = Path(text).expanduser()
    splits = sorted(folder.glob("*/")) if (folder / "dataset_dict.json").is_file() else [folder]
    return [
        str(path.resolve())
        for split in splits
        if (split / "state.json").is_file()
        for path in sorted(split.glob("*.arrow"))
    ]


def _is_web(text: str) -> bool:
    return urlsplit(text).scheme.lower() in ("http", "https")


def _matches(text: str) -> list[str]:
    """The files that a text names, local or remote; raises WrongUse where there are none."""
    if "://" in text:
        files, path = fsspec.url_to_fs(text)
        found = sorted(files.unstrip_protocol(match) for match in files.glob(path))
    else:
        if saved := _saved_dataset(text):
            return saved
        pattern = str(Path(text).expanduser())
        matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
        found = sorted(str(Path(match).resolve()) for match in matches if Path(match).is_file())
    if not found:
        raise WrongUse(f"{text}: there is no such file.")
    return found


def _table(text: str, path: str, kind: SourceKind | None, manners: WebManners) -> Source:
    """A table: pictures where it has a column of them, else addresses."""
    schema = open_table(path).schema
    if kind is SourceKind.IMAGES or image_column(schema) is not None or path.lower().endswith(".arrow"):
        return ImageTableSource(text, path)
    if is_inventory(schema.names):
        return InventorySource(path)
    if find_column(schema.names, "url") is None:
        raise BadInput(
            "no column with pictures or addresses",
            where=path,
            expected="a struct with bytes, a binary column, or addresses in one of " + ", ".join(COLUMNS["url"]),
            got=", ".join(schema.names),
        )
    return UrlListSource(text, path, manners)
