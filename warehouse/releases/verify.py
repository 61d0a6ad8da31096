"""Proof that a release is whole: every checksum, schema, row count and the certificate. Needs only the release."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import BadInput
from warehouse.releases.folder import MANIFEST, SUMS, files_of, read_sums, sha256_of
from warehouse.releases.manifest import read_manifest


@dataclass
class Proof:
    """What was looked at, and each fault with the file it stands in."""

    files: int = 0
    rows: int = 0
    faults: list[str] = field(default_factory=list)


def verify(folder: Path) -> Proof:
    """Check a release against its own manifest.

    Parameters
    ----------
    folder : Path
        A release's folder, wherever it is.

    Raises
    ------
    BadInput
        It is no release at all.
    """
    if not folder.is_dir():
        raise BadInput("no release: there is no such folder", where=str(folder))
    proof = Proof()
    present = set(files_of(folder))
    try:
        manifest = read_manifest(folder)
    except BadInput as error:
        proof.faults.append(str(error))
        return proof
    _check_sums(folder, manifest, present, proof)
    listed = manifest["files"]
    for name in sorted(set(listed) - present):
        proof.faults.append(f"{name}: missing")
    for name in sorted(present - set(listed) - {MANIFEST, SUMS}):
        proof.faults.append(f"{name}: an extra file that the manifest does not know")
    sound = set()
    for name in sorted(present & set(listed)):
        proof.files += 1
        faults = list(_faults_of(folder / name, listed[name]))
        proof.faults += [f"{name}: {fault}" for fault in faults]
        proof.rows += int(listed[name].get("rows", 0))
        if not faults:
            sound.add(name)
    proof.faults += _broken_promises(folder, manifest, sound)
    return proof


def _check_sums(folder: Path, manifest: dict[str, Any], present: set[str], proof: Proof) -> None:
    """The manifest's own checksum stands in SHA256SUMS, which in turn must say what the manifest says."""
    if SUMS not in present:
        proof.faults.append(f"{SUMS}: missing")
        return
    expected = {MANIFEST: sha256_of(folder / MANIFEST)}
    expected.update({name: str(entry.get("sha256")) for name, entry in manifest["files"].items()})
    text = "".join(f"{expected[name]}  {name}\n" for name in sorted(expected))
    if (folder / SUMS).read_bytes() == text.encode():
        return
    sums = read_sums(folder)
    if sums.get(MANIFEST) != expected[MANIFEST]:
        proof.faults.append(f"{MANIFEST}: its checksum is not the one in {SUMS}")
    for name in sorted(set(sums) ^ set(expected)):
        proof.faults.append(f"{SUMS}: it and the manifest do not agree on whether {name} exists")
    for name in sorted(set(sums) & set(expected) - {MANIFEST}):
        if sums[name] != expected[name]:
            proof.faults.append(f"{SUMS}: another checksum of {name} than in the manifest")
    if not proof.faults:
        proof.faults.append(f"{SUMS}: not in the form in which it was written")


def _faults_of(path: Path, entry: dict[str, Any]) -> list[str]:
    size = path.stat().st_size
    if size != entry.get("bytes"):
        return [f"{size} bytes where the manifest says {entry.get('bytes')}"]
    if sha256_of(path) != entry.get("sha256"):
        return ["its checksum is not the manifest's: the file was changed"]
    if path.suffix != ".parquet":
        return []
    faults = []
    try:
        rows = pq.read_metadata(path).num_rows
        schema = [f"{field.name}: {field.type}" for field in pq.read_schema(path)]
    except (pa.ArrowException, OSError) as error:
        return [f"no readable Parquet: {error}"]
    if rows != entry.get("rows"):
        faults.append(f"{rows} rows where the manifest says {entry.get('rows')}")
    if schema != entry.get("schema"):
        faults.append("its columns are not the manifest's")
    return faults


def _broken_promises(folder: Path, manifest: dict[str, Any], sound: set[str]) -> list[str]:
    """What a release promises of its content: splits without leaks, counts as the certificate says."""
    faults = []
    splits_of: dict[str, set[str]] = defaultdict(set)
    seen: dict[str, str] = {}
    for name in sorted(n for n in sound if n.startswith("data/") and n.endswith(".parquet")):
        table = pq.read_table(folder / name, columns=["photo_id", "split", "group_id"])
        split_of_file = Path(name).name.split("-")[0]
        for photo_id, split, group_id in zip(*(table[c].to_pylist() for c in table.column_names), strict=True):
            splits_of[group_id].add(split)
            if split != split_of_file:
                faults.append(f"{name}: photo {photo_id[:12]} says split {split}")
            if photo_id in seen:
                faults.append(f"{name}: photo {photo_id[:12]} stands in {seen[photo_id]} too")
            seen[photo_id] = name
    for group_id, splits in sorted(splits_of.items()):
        if len(splits) > 1:
            faults.append(f"data: group {group_id} lies in {' and '.join(sorted(splits))}: a leak")
    data_whole = all(n in sound for n in manifest["files"] if n.startswith("data/"))
    if "certificate.json" in sound and data_whole:
        certificate = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
        for what, found in (("photos", len(seen)), ("groups", len(splits_of))):
            if certificate[what] != found:
                faults.append(f"certificate.json: says {certificate[what]} {what}, and there are {found}")
    return faults
