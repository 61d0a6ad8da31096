"""Where the versions of a dataset stand: a folder, or an object store with a local copy of what is at work on.

A version is written into a local folder and then brought to its place: in a folder by a rename, on an object
store file by file with the manifest last. Either way a version is there once its manifest is.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs as pafs

from schemas.errors import BadInput, IntegrityFault, ServiceUnavailable, WriteConflict, WrongUse
from warehouse.filesystem import Location
from warehouse.locks import exclusive
from warehouse.releases.folder import (
    DRAFTS,
    MAKING,
    MANIFEST,
    SUMS,
    TOMBSTONE,
    VERSION_FORM,
    files_of,
    finish,
    sole_publisher,
    version_key,
    versions,
)

PICTURES = "data/"
"""The files of a version that are only fetched when somebody asks for them: nearly all of its bytes."""
LATE = ("README.md", SUMS, MANIFEST)
"""Files that are brought to an object store last: `datasets` reads the card first, and Salon the manifest."""


class Shelf:
    """The versions of one dataset.

    Parameters
    ----------
    location : Location
        The dataset's folder.
    folder : Path
        The same folder where it is local; else a local copy of it, which holds what was fetched.
    """

    def __init__(self, location: Location, folder: Path) -> None:
        self.location = location
        self.folder = folder
        self._files = None if location.is_local else location.filesystem()

    # -- looking -------------------------------------------------------------------------------------
    def versions(self) -> list[str]:
        """Complete versions, oldest first; withdrawn ones are not among them."""
        return versions(self.folder)

    def drafts(self) -> list[str]:
        """Complete drafts; there is one at most."""
        return versions(self.folder / DRAFTS)

    def withdrawn(self) -> list[str]:
        """Versions of which a tombstone is left, oldest first."""
        found = [p.parent.name for p in self.folder.glob(f"*/{TOMBSTONE}") if VERSION_FORM.fullmatch(p.parent.name)]
        return sorted(found, key=version_key)

    def rows_of(self, version: str) -> Path:
        """A version's local folder with all of its files but the pictures."""
        self._fetch(version, lambda name: not name.startswith(PICTURES))
        return self.folder / version

    def whole(self, version: str) -> Path:
        """A version's local folder with all of its files."""
        self._fetch(version, lambda name: True)
        return self.folder / version

    def address(self, version: str) -> str:
        """Where a version stands, for people."""
        return self.location.join(version)

    def leftovers(self) -> list[str]:
        """Files of no version: of publishes and takedowns that were killed. Other people's files are none."""
        if self._files is not None:
            found = sorted(_listed(self._files))
        else:
            found = files_of(self.folder) if self.folder.is_dir() else []
        return [name for name in found if self._is_left(name)]

    def _is_left(self, name: str) -> bool:
        parts = name.split("/")
        if parts[0].startswith(MAKING):
            return True
        owner = "/".join(parts[:2]) if parts[0] == DRAFTS else parts[0]
        if not VERSION_FORM.fullmatch(owner.rsplit("/", 1)[-1]):
            return False
        if (self.folder / owner / TOMBSTONE).exists():
            return name != f"{owner}/{TOMBSTONE}"
        return not (self.folder / owner / MANIFEST).exists()

    # -- changing ------------------------------------------------------------------------------------
    def finish(self, made: Path, version: str, draft: bool = False) -> Path:
        """Bring a finished folder to its place; returns it. Raises WrongUse where the version is there already."""
        name = f"{DRAFTS}/{version}" if draft else version
        if draft:
            self.drop(*(f"{DRAFTS}/{old}" for old in self.drafts()))
        if self._files is not None:
            local = pafs.SubTreeFileSystem(str(made), pafs.LocalFileSystem())
            sizes = {file: (made / file).stat().st_size for file in files_of(made)}
            self._bring(name, sizes, lambda file, to: pafs.copy_files(file, to, local, self._files))
            (self.folder / name).parent.mkdir(exist_ok=True)
            return made.rename(self.folder / name)
        return finish(made, self.folder / name)

    def promote(self, version: str) -> None:
        """Make a draft a version."""
        draft, store = f"{DRAFTS}/{version}", self._files
        if store is None:
            finish(self.folder / draft, self.folder / version)
            return
        sizes = {name.removeprefix(f"{draft}/"): size for name, size in _listed(store, draft).items()}
        self._bring(version, sizes, lambda file, to: store.copy_file(f"{draft}/{file}", to))
        self.rows_of(draft).rename(self.folder / version)
        self.drop(draft)

    def drop(self, *names: str) -> None:
        """Delete drafts."""
        for name in names:
            if self._files is not None:
                self._delete(_listed(self._files, name))
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def withdraw(self, version: str, tombstone: dict[str, object]) -> None:
        """Take a version away: its bytes are deleted, and a tombstone stays in its place."""
        text = json.dumps(tombstone, indent=1, sort_keys=True) + "\n"
        if self._files is not None:
            with self._files.open_output_stream(f"{version}/{TOMBSTONE}") as stream:
                stream.write(text.encode())
            self._delete(name for name in _listed(self._files, version) if not name.endswith(f"/{TOMBSTONE}"))
        place = self.folder / version
        away = place.with_name(f"{MAKING}withdrawn-{version}")
        place.rename(away)
        place.mkdir()
        (place / TOMBSTONE).write_text(text, encoding="utf-8")
        shutil.rmtree(away)

    def sweep(self) -> int:
        """Delete what belongs to no version; returns the number of files."""
        left = self.leftovers()
        if self._files is not None:
            self._delete(left)
        for name in left:
            (self.folder / name).unlink(missing_ok=True)
        return len(left)

    # -- the object store ----------------------------------------------------------------------------
    def mirror(self) -> None:
        """Fetch the manifests and tombstones of an object store: they tell which versions there are."""
        if self._files is None:
            return
        for name in _listed(self._files):
            if name.rsplit("/", 1)[-1] in (MANIFEST, TOMBSTONE) and name.count("/") == 1 + name.startswith(DRAFTS):
                self._copy_here(name)

    def _fetch(self, version: str, wanted: Callable[[str], bool]) -> None:
        if self._files is None or (self.folder / version / TOMBSTONE).exists():
            return
        for name, size in _listed(self._files, version).items():
            here = self.folder / name
            if wanted(name.removeprefix(f"{version}/")) and not (here.exists() and here.stat().st_size == size):
                self._copy_here(name)

    def _copy_here(self, name: str) -> None:
        here = self.folder / name
        here.parent.mkdir(parents=True, exist_ok=True)
        pafs.copy_files(name, str(here), self._files, pafs.LocalFileSystem(), use_threads=False)

    def _bring(self, name: str, sizes: dict[str, int], put: Callable[[str, str], None]) -> None:
        """Put the files of a version into the store: what a killed publish left goes first, the manifest comes last.

        Parameters
        ----------
        sizes : dict
            Its files, relative, with their bytes.
        put : callable
            Copies a file to a place in the store.
        """
        assert self._files is not None
        there = _listed(self._files, name)
        if f"{name}/{MANIFEST}" in there or f"{name}/{TOMBSTONE}" in there:
            raise WrongUse(f"{self.location.join(name)}: this version is there already, and a version never changes.")
        self._delete(there)
        try:
            for file in sorted(sizes, key=lambda n: (LATE.index(n) if n in LATE else -1, n)):
                put(file, f"{name}/{file}")
        except OSError as error:
            raise ServiceUnavailable(f"{self.location.join(name)}: the store takes no files ({error}).") from error
        arrived = _listed(self._files, name)
        for file, size in sizes.items():
            if arrived.get(f"{name}/{file}") != size:
                raise IntegrityFault(f"{self.location.join(name, file)}: it did not arrive whole.")

    def _delete(self, names: Iterable[str]) -> None:
        assert self._files is not None
        # The manifest first: from then on it is no version.
        for name in sorted(names, key=lambda n: not n.endswith(f"/{MANIFEST}")):
            self._files.delete_file(name)


def _listed(files: pafs.FileSystem, under: str = "") -> dict[str, int]:
    """Files under a folder, with their sizes in bytes."""
    found = files.get_file_info(pafs.FileSelector(under, recursive=True, allow_not_found=True))
    return {info.path: info.size for info in found if info.type == pafs.FileType.File}


@contextmanager
def opened(location: Location) -> Iterator[Shelf]:
    """The shelf of a dataset; a local copy of what lies on an object store is removed at the end."""
    if location.is_local:
        yield Shelf(location, location.local())
        return
    with tempfile.TemporaryDirectory(prefix="salon-release-") as folder:
        shelf = Shelf(location, Path(folder))
        shelf.mirror()
        yield shelf


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """The local folder of one version; what lies on an object store is fetched for as long as it is needed.

    Raises
    ------
    WrongUse
        No folder and no address of an object store.
    BadInput
        The store holds nothing there.
    """
    location = Location.of(address)
    if location.is_local:
        yield location.local()
        return
    files = location.filesystem()
    names = _listed(files)
    if not names:
        raise BadInput("no release: there is nothing", where=address)
    with tempfile.TemporaryDirectory(prefix="salon-release-") as folder:
        for name in names:
            here = Path(folder, name)
            here.parent.mkdir(parents=True, exist_ok=True)
            pafs.copy_files(name, str(here), files, pafs.LocalFileSystem(), use_threads=False)
        yield Path(folder)


@contextmanager
def sole(shelf: Shelf, warehouse: Location, name: str) -> Iterator[None]:
    """Be the only one who changes a dataset; raises WrongUse where another publish is at work."""
    if shelf.location.is_local:
        with sole_publisher(shelf.folder):
            yield
        return
    try:
        with exclusive(warehouse, f"publish-{name}", 0):
            shelf.mirror()
            yield
    except WriteConflict as error:
        raise WrongUse(str(error)) from error


def pictures_of(folder: Path, split: str) -> Iterator[tuple[str, bytes]]:
    """Published pictures of one split with their photo_ids, row group by row group, in the order of its files."""
    for path in sorted((folder / "data").glob(f"{split}-*.parquet")):
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                rows = file.read_row_group(number, columns=["photo_id", "image"])
                pictures = pc.struct_field(rows["image"].combine_chunks(), "bytes")
                yield from zip(rows["photo_id"].to_pylist(), (p.as_py() for p in pictures), strict=True)
