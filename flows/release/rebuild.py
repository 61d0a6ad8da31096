"""`salon publish --rebuild`: a version made again from its own inputs, and held against its checksums."""

from __future__ import annotations

import shutil
from pathlib import Path

from flows.context import Run
from flows.outcome import Outcome
from flows.release.build import read_material, write_pictures, write_rest
from flows.release.pictures import FromOriginals
from flows.release.plan import rendering
from flows.release.register import sole_shelf
from schemas.errors import IntegrityFault, WrongUse
from warehouse.releases import gather
from warehouse.releases.folder import MANIFEST, SUMS, begin, files_of, sha256_of
from warehouse.releases.manifest import library_versions, read_manifest
from warehouse.releases.originals import Originals

MOST_NAMED = 5


def rebuild(run: Run, name: str, version: str, to: str = "") -> Outcome:
    """Make a version again.

    Parameters
    ----------
    to : str
        Folder for the result; empty: it is thrown away once it was found equal.

    Raises
    ------
    WrongUse
        There is no such version, or it was withdrawn.
    IntegrityFault
        A file came out with other bytes, or an original is gone; says which, and which library has another version.
    """
    with sole_shelf(run, name) as shelf:
        if version in shelf.withdrawn():
            raise WrongUse(f"{name} {version}: this version was withdrawn, and what it was made from is gone.")
        if version not in shelf.versions():
            raise WrongUse(
                f"{name} {version}: there is no such version; there are: {', '.join(shelf.versions()) or 'none'}."
            )
        standing = shelf.whole(version)
        manifest = read_manifest(standing)
        temporary = begin(shelf.folder, version)
        try:
            material = read_material(standing, manifest)
            places = gather.whereabouts(run.warehouse, material.tables["photos"]["photo_id"].to_pylist())
            originals = Originals(run.warehouse.location, places)
            source = FromOriginals.known(originals, rendering(material.settings), material.tables["photos"])
            written = write_pictures(temporary, material, source)
            if material.unreadable:
                first = next(iter(material.unreadable.values()))
                raise IntegrityFault(f"{name} {version}: {len(material.unreadable)} originals are gone: {first}")
            write_rest(written)
            _compare(temporary, standing, manifest["libraries"])
            if to:
                shutil.copytree(temporary, Path(to) / name / version)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        files = len(files_of(standing))
    return Outcome(
        stage="rebuild",
        counts={"version": version, "files": files},
        notes=(f"{name} {version} was made again from its inputs: every file has the same bytes.",),
        files={"rebuilt": str(Path(to) / name / version)} if to else {},
    )


def _compare(made: Path, standing: Path, libraries: dict[str, str]) -> None:
    """Raise IntegrityFault unless every file is the same."""
    names = sorted({*files_of(made), *files_of(standing)}, key=lambda n: (n in (SUMS, MANIFEST), n))
    other = [n for n in names if not (made / n).exists() or not (standing / n).exists()
             or sha256_of(made / n) != sha256_of(standing / n)]  # fmt: skip
    if not other:
        return
    now = library_versions()
    moved = [f"{lib} {libraries[lib]} then, {now.get(lib)} now" for lib in libraries if now.get(lib) != libraries[lib]]
    why = (
        f"Other versions made it: {'; '.join(moved)}."
        if moved
        else "The libraries are the same: `salon verify` tells whether a file was changed, else Salon's own code was."
    )
    first = [name for name in other if name not in (SUMS, MANIFEST)] or other
    rows = [name for name in first if name.endswith(".parquet")]
    said = ", ".join(first[:MOST_NAMED]) + (", ..." if len(first) > MOST_NAMED else "")
    kept = "" if rows else "; every Parquet file came out the same"
    raise IntegrityFault(f"{len(other)} of {len(names)} files came out with other bytes: {said}{kept}. {why}")
