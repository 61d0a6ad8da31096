"""Records of what was published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.columns import TableSpec, column


@dataclass(frozen=True, kw_only=True)
class Release:
    """One version of one dataset: what cannot be in the release itself (clocks, paths, table versions)."""

    name: str = column("name of the dataset")
    version: str = column("MAJOR.MINOR.PATCH")
    state: str = column("draft, released or withdrawn")
    manifest_sha256: str = column("checksum of manifest.json")
    inputs_digest: str = column("digest of the rows it was made from: equal inputs are not published twice")
    photos: int = column("photos in it")
    ratings: int = column("single ratings in it")
    table_versions: str = column("version of every table it was made from, as JSON", arrival=True)
    gates: str = column("gates with their figures, as JSON")
    approved_by: str | None = column("who made a draft a version", optional=True)
    withdrawn: str | None = column("why it was withdrawn", optional=True)
    published_at: datetime = column("when", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Member:
    """The memory that keeps splits and row order stable from version to version."""

    release: str = column("name of the dataset")
    photo_id: str = column("the photo")
    first_version: str = column("version in which it first appeared")
    ordinal: int = column("place in the order of first release, from 0")
    split: str = column("train, validation or test")
    group_id: str = column("the group that was kept together")


RELEASES = TableSpec("releases", Release, ("name", "version"), "Published versions.", derived=True)
MEMBERS = TableSpec("members", Member, ("release", "photo_id"), "Who is in which split, since when.", derived=True)
