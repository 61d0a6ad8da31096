"""Where a warehouse lives: a local folder or an object store, behind pyarrow's file systems.

Delta's own file system must not be handed to pyarrow: it ends the interpreter with an abort now and then.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow import fs as pafs

from schemas.errors import WrongUse

MOST_TRIES = 10
UNFIT = re.compile(r"[\[\]|^\\\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")
"""Delta makes an address of a path: it ends in a panic at some of these, and writes to another folder at others."""


@dataclass(frozen=True)
class Location:
    """A root folder on some file system.

    Parameters
    ----------
    root : str
        An absolute local path or an ``s3://bucket/prefix`` or ``gs://bucket/prefix`` address.
    """

    root: str

    @classmethod
    def of(cls, root: str | Path) -> Location:
        """Make a location of what a person typed: relative local paths become absolute."""
        text = str(root)
        scheme = urlsplit(text).scheme
        if scheme in ("", "file") or len(scheme) == 1:
            place = str(Path(text.removeprefix("file://")).expanduser().absolute())
            if strange := UNFIT.search(place):
                raise WrongUse(
                    f"{place}: a warehouse cannot lie under a path with {strange[0]!r} in it, which the library that "
                    "writes its tables cannot take; name another place."
                )
            return cls(place)
        if scheme not in ("s3", "gs"):
            raise WrongUse(f"{text}: a warehouse can be a folder, s3:// or gs://, not {scheme}://.")
        return cls(text.rstrip("/"))

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine."""
        return "://" not in self.root

    def join(self, *parts: str) -> str:
        """The address of something under the root."""
        return "/".join([self.root, *parts])

    def local(self, *parts: str) -> Path:
        """The local path of something under the root; raises WrongUse on an object store."""
        if not self.is_local:
            raise WrongUse(f"{self.root}: this needs a warehouse in a local folder.")
        return Path(self.root, *parts)

    def filesystem(self, *parts: str) -> pafs.FileSystem:
        """A pyarrow file system whose root is the folder under the location."""
        if self.is_local:
            return pafs.SubTreeFileSystem(str(Path(self.root, *parts)), pafs.LocalFileSystem())
        base, path = _object_store(self.root)
        return pafs.SubTreeFileSystem("/".join([path, *parts]), base)

    def storage_options(self) -> dict[str, str]:
        """Options for Delta's own object store client; credentials come from the environment."""
        options: dict[str, str] = {}
        if self.root.startswith("s3://") and os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["aws_allow_http"] = "true"
        return options


def _object_store(root: str) -> tuple[pafs.FileSystem, str]:
    """pyarrow's file system and path for an object-store address."""
    parts = urlsplit(root)
    path = parts.netloc + parts.path
    if parts.scheme == "gs":
        return pafs.GcsFileSystem(), path
    # Three tries, which is what it does by default, are used up by a store that asks to slow down.
    patient = pafs.AwsStandardS3RetryStrategy(max_attempts=MOST_TRIES)
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if endpoint.netloc:
        return pafs.S3FileSystem(
            endpoint_override=endpoint.netloc,
            scheme=endpoint.scheme,
            region=os.environ.get("AWS_REGION", "us-east-1"),
            allow_bucket_creation=False,
            retry_strategy=patient,
        ), path
    return pafs.S3FileSystem(retry_strategy=patient), path
