"""`manifest.json`: what a release is made of, with the checksum of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from schemas.errors import BadInput
from warehouse.releases.folder import MANIFEST, SUMS, files_of, sha256_of, write_sums

FORMAT = 3
"""Version of a release's layout. A change in what is written raises it, so that equal rows are published anew."""

LOCKED = ("pyarrow", "pillow", "numpy", "duckdb")
"""Libraries whose versions shape the bytes."""


def library_versions() -> dict[str, str]:
    """Versions of the libraries that shape the bytes, and of Salon."""
    return {name: metadata.version(name) for name in (*LOCKED, "salon-curation")}


def as_json(data: Any) -> str:
    """JSON in one spelling: sorted keys, one key a line."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_manifest(folder: Path, about: dict[str, Any], known: Mapping[str, str]) -> str:
    """Write `manifest.json` and `SHA256SUMS` over all files of a folder; returns the manifest's checksum.

    Parameters
    ----------
    known : mapping of str to str
        Checksums of files that were worked out while they were written.
    """
    files: dict[str, dict[str, Any]] = {}
    for name in files_of(folder):
        path = folder / name
        entry: dict[str, Any] = {"sha256": known.get(name) or sha256_of(path), "bytes": path.stat().st_size}
        if name.endswith(".parquet"):
            entry["rows"] = pq.read_metadata(path).num_rows
            entry["schema"] = [f"{field.name}: {field.type}" for field in pq.read_schema(path)]
        files[name] = entry
    content = {**about, "format": FORMAT, "files": files}
    (folder / MANIFEST).write_text(as_json(content), encoding="utf-8")
    own = sha256_of(folder / MANIFEST)
    write_sums(folder, {MANIFEST: own, **{name: entry["sha256"] for name, entry in files.items()}})
    return own


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release; raises BadInput where there is none or it is no JSON object."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput("no release: manifest.json is missing", where=str(folder)) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput("the manifest is damaged", where=str(path), got=str(error)) from error
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise BadInput("the manifest is damaged", where=str(path), expected="an object with 'files'")
    return content


__all__ = ["FORMAT", "MANIFEST", "SUMS", "as_json", "library_versions", "read_manifest", "write_manifest"]
