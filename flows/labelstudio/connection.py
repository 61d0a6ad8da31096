"""The Label Studio of a warehouse: the one that `salon labelstudio up` started, or the one in the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.context import Run
from flows.labelstudio.server import ServerFolder
from flows.secret_keys import LABEL_STUDIO_KEY
from labeling.labelstudio.client import LabelStudio
from schemas.errors import NotAuthorised, ServiceUnavailable, WrongUse
from warehouse.renditions import SHOWN

LOCAL_FILES = "/data/local-files/?d="


@dataclass(frozen=True)
class Connection:
    """A server that answers.

    Parameters
    ----------
    client : LabelStudio
        Speaks as Salon's account.
    namespace : str
        The server's lasting name.
    document_root : Path or None
        The folder that the server gives files out from; None where it shares no files with this machine.
    """

    client: LabelStudio
    namespace: str
    document_root: Path | None


@contextmanager
def connect(run: Run) -> Iterator[Connection]:
    """Connect to the warehouse's Label Studio.

    Raises
    ------
    ServiceUnavailable
        It does not answer, or none was started.
    NotAuthorised
        The token is refused, or none is set.
    """
    url, token, documents = _address(run)
    with LabelStudio(url, token) as client:
        yield Connection(client, client.namespace(), documents)


def _address(run: Run) -> tuple[str, str, Path | None]:
    settings = run.settings.labelstudio
    token = os.environ.get(LABEL_STUDIO_KEY, "")
    if settings.url:
        if not token:
            raise NotAuthorised(f"{LABEL_STUDIO_KEY} is not set; put a token of your account at {settings.url} there.")
        return settings.url, token, Path(settings.document_root) if settings.document_root else None
    folder = ServerFolder.of(run.root)
    running, credentials = folder.running(), folder.credentials()
    if running is None or credentials is None:
        raise ServiceUnavailable(
            "Label Studio is not running; start it with `salon labelstudio up`, or set [labelstudio] url."
        )
    return running.url, token or credentials.token, Path(running.document_root)


def picture_prefix(run: Run, link: Connection, batch_id: str) -> str:
    """What the addresses of a batch's pictures begin with, as tasks hold them.

    Raises
    ------
    WrongUse
        The server can see no place where this warehouse keeps pictures; says what to do.
    """
    location = run.warehouse.location
    shown = f"{SHOWN}/{batch_id}"
    if not location.is_local:
        return location.join(shown) + "/"
    if link.document_root is None:
        raise WrongUse(
            f"Label Studio at {link.client.url} cannot see the pictures in {location.root}: set [labelstudio] "
            "document_root to its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, or keep the warehouse in s3://."
        )
    folder = location.local(shown)
    try:
        inside = folder.resolve().relative_to(link.document_root.resolve())
    except ValueError:
        raise WrongUse(
            f"[labelstudio] document_root {link.document_root} does not hold {folder}: the warehouse must lie under it."
        ) from None
    return f"{LOCAL_FILES}{inside.as_posix()}/"


def share_pictures(run: Run, link: Connection, project: int, batch_id: str, *, is_new: bool = False) -> None:
    """Let the accounts of a project see a batch's pictures."""
    location = run.warehouse.location
    if location.is_local:
        folder = location.local(SHOWN, batch_id)
        folder.mkdir(parents=True, exist_ok=True)
        link.client.add_local_files(project, str(folder.resolve()), f"pictures of {batch_id}", is_new=is_new)
        return
    bucket, _, prefix = location.join(SHOWN, batch_id).partition("://")[2].partition("/")
    link.client.add_s3(
        project,
        {
            "title": f"pictures of {batch_id}",
            "bucket": bucket,
            "prefix": prefix,
            "presign": True,
            "presign_ttl": 240,
            "use_blob_urls": True,
            "region_name": os.environ.get("AWS_REGION", "us-east-1"),
            "s3endpoint": os.environ.get("AWS_ENDPOINT_URL", ""),
            "aws_access_key_id": os.environ.get("AWS_ACCESS_KEY_ID", ""),
            "aws_secret_access_key": os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
        },
    )
