"""`salon push`: a version to the Hub with a tag of its own, or to any fsspec target; resumable."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
from prefect import flow

from curation.licences import is_known
from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.progress import track
from flows.release.register import release_rows, shelf_of
from flows.runtime import publish_counts
from schemas.errors import IntegrityFault, NotAuthorised, PermanentFault, ServiceUnavailable, WrongUse
from schemas.releases import RELEASES, Release
from warehouse.releases.folder import MANIFEST, SUMS
from warehouse.releases.manifest import read_manifest
from warehouse.releases.verify import verify

TRIES = 5
LAST = (SUMS, MANIFEST)
"""Files that are copied last: a target with a manifest is whole."""


@flow(name="push", flow_run_name="push {name} {version}")
def push(root: str, name: str, version: str, target: str, private: bool = True, pause_s: float = 1.0) -> Outcome:
    """Push a version.

    Parameters
    ----------
    target : str
        ``OWNER/NAME`` on the Hub, or an address with a scheme (s3://, file://, ...).
    private : bool
        A repository that is made for it is private.
    pause_s : float
        First pause between tries, doubled each time.
    """
    run = open_run(root)
    with shelf_of(run, name) as shelf:
        if version not in shelf.versions():
            there = ", ".join(shelf.versions()) or "none"
            raise WrongUse(f"{name} {version}: there is no such version; there are: {there}.")
        folder = shelf.whole(version)
        refuse_unpublishable(folder)
        send = _to_address if "://" in target else _to_hub
        sent, place = send(folder, target, version, private, pause_s)
        files = len(read_manifest(folder)["files"]) + 2
    _remember(run, name, version, place)
    counts: dict[str, int | float | str] = {"version": version, "files": files}
    return publish_counts(Outcome(stage="push", counts=counts | {"sent": sent}, files={"pushed to": place}))


def refuse_unpublishable(version_folder: Path) -> None:
    """Raise where a version is damaged, or holds a photo without a known licence."""
    import pyarrow.parquet as pq

    proof = verify(version_folder)
    if proof.faults:
        raise IntegrityFault(f"{version_folder}: not pushed, since it is not as it was published: {proof.faults[0]}")
    photos = pq.read_table(version_folder / "inputs" / "photos.parquet", columns=["photo_id", "license"])
    also = read_manifest(version_folder)["settings"].get("known_licences", ())
    unknown = [row for row in photos.to_pylist() if not is_known(row["license"], also)]
    if unknown:
        first = f"{unknown[0]['photo_id'][:12]} ({unknown[0]['license'] or 'none given'})"
        raise PermanentFault(
            f"{version_folder}: not pushed: {len(unknown)} of {photos.num_rows} photos have no known licence, such as "
            f"{first}; name licences in the sources' tables and ingest again, or vouch for a text in "
            "publish.known_licences, and publish."
        )


def _to_hub(version_folder: Path, target: str, version: str, private: bool, pause_s: float) -> tuple[int, str]:
    """One commit with the version's files, and a tag; what the Hub has already is not sent again."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=os.environ.get("HF_TOKEN"))
    patient = _patient(pause_s, target)
    patient(lambda: api.create_repo(target, repo_type="dataset", private=private, exist_ok=True))
    tags = {ref.name for ref in patient(lambda: api.list_repo_refs(target, repo_type="dataset")).tags}
    place = f"{api.endpoint}/datasets/{target} (tag {version})"
    if version in tags:
        return 0, place
    wanted = sorted({*read_manifest(version_folder)["files"], MANIFEST, SUMS})
    there = set(patient(lambda: api.list_repo_files(target, repo_type="dataset")))
    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(version_folder / name)) for name in wanted
    ]
    operations += [
        CommitOperationDelete(path_in_repo=name) for name in sorted(there - set(wanted)) if name != ".gitattributes"
    ]
    # Large files that an interrupted push has sent lie on the Hub by their checksum, and are passed over.
    done = patient(
        lambda: api.create_commit(target, operations, commit_message=f"{version}", repo_type="dataset", num_threads=2)
    )
    patient(lambda: api.create_tag(target, tag=version, revision=done.oid, repo_type="dataset", exist_ok=True))
    return len(wanted), place


def _patient(pause_s: float, target: str) -> Callable[[Callable[[], Any]], Any]:
    """Call with retries after faults that may pass; others become one sentence."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError

    def call(what: Callable[[], Any]) -> Any:
        for number in range(TRIES):
            try:
                return what()
            except HfHubHTTPError as error:
                status = error.response.status_code if error.response is not None else 0
                if status in (401, 403):
                    raise NotAuthorised(f"{target}: the Hub refuses the token in HF_TOKEN ({status}).") from error
                if status < 500 and status != 429:
                    raise PermanentFault(f"{target}: the Hub refuses the push ({status}): {error}") from error
            except httpx.TransportError:
                pass
            time.sleep(pause_s * 2**number)
        raise ServiceUnavailable(f"{target}: the Hub did not answer {TRIES} times; run the same push again to resume.")

    return call


def _to_address(version_folder: Path, target: str, version: str, private: bool, pause_s: float) -> tuple[int, str]:
    """Copy the files to TARGET/VERSION, the manifest last; files that lie there whole are passed over."""
    place = f"{target.rstrip('/')}/{version}"
    files, base = fsspec.core.url_to_fs(place)
    manifest = read_manifest(version_folder)
    sizes = {name: int(entry["bytes"]) for name, entry in manifest["files"].items()}
    sizes |= {name: (version_folder / name).stat().st_size for name in LAST}
    sent = 0
    with track("push", len(sizes)) as progress:
        for name in sorted(sizes, key=lambda n: (n in LAST, n)):
            remote = f"{base}/{name}"
            if not _lies_there(files, remote, sizes[name]):
                _copy(files, version_folder / name, remote, pause_s)
                sent += 1
            progress.advance(size=sizes[name])
    return sent, place


def _lies_there(files: Any, remote: str, size: int) -> bool:
    try:
        return int(files.info(remote)["size"]) == size
    except (FileNotFoundError, NotADirectoryError):
        return False


def _copy(files: Any, local: Path, remote: str, pause_s: float) -> None:
    for number in range(TRIES):
        try:
            files.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
            files.put_file(str(local), remote)
            return
        except (OSError, ConnectionError) as error:
            fault = error
            time.sleep(pause_s * 2**number)
    raise ServiceUnavailable(f"{remote}: it could not be written ({fault}); run the same push again to resume.")


def _remember(run: Run, name: str, version: str, place: str) -> None:
    """Keep where a version went: takedown tells the person to delete it there."""
    rows = [row for row in release_rows(run, name) if row["version"] == version]
    changed = []
    for row in rows:
        places = sorted({*json.loads(row["pushed"] or "[]"), place})
        changed.append(Release(**{**row, "pushed": json.dumps(places)}))
    run.warehouse.table(RELEASES).replace(changed, where=f"name = '{name}' AND version = '{version}'")
