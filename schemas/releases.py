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
    pushed: str | None = column("where it was pushed to, as a JSON list", optional=True)
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


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """A photo that was taken down and must not come in again; what it was cannot be read from the row."""

    content_hash: str = column("SHA-256 over the photo_id: knows the content again, and does not name it")
    method: str = column("fingerprint method, such as phash64@1; empty where there is no fingerprint")
    bits: bytes | None = column("fingerprint, by which near copies are known again", optional=True)
    reason: str = column("why it was taken down, as the person said it")
    blocked_at: datetime = column("when", arrival=True)


RELEASES = TableSpec("releases", Release, ("name", "version"), "Published versions.", derived=True)
MEMBERS = TableSpec("members", Member, ("release", "photo_id"), "Who is in which split, since when.", derived=True)
BLOCKLIST = TableSpec("blocklist", Blocked, ("content_hash", "method"), "Content that was taken down.")
