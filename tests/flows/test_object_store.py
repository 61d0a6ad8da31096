"""The whole chain with its warehouse on an object store that fails and is slow gives what a folder gives."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from datasets import load_dataset

from flows.curate import curate
from flows.import_ratings import import_ratings
from flows.publish import publish
from flows.score import score
from schemas.tables import TABLES
from tests.failing_store import failing_store
from tests.flows.chaos.material import SIZE, write_photos, write_votes
from tests.object_store import BUCKET, s3_server
from warehouse.releases.shelf import fetched
from warehouse.releases.verify import verify
from warehouse.store import Warehouse

SETTINGS = "[ingest]\nshard = 16\nworkers = 1\ncopies = 'always'\n"


def chain(root: str, folder: Path) -> None:
    curate(root=root, sources=[str(folder / "photos")])
    import_ratings(root=root, file=str(folder / "votes.csv"), scale="1-7", simulated=True)
    score(root=root)
    publish(root=root, name="beauty")


def digests(root: str) -> dict[str, str]:
    opened = Warehouse.open(root)
    return {spec.name: opened.table(spec).digest() for spec in TABLES if spec.name != "releases"}


def released(root: str) -> dict[str, bytes]:
    """The one version's files; it is verified and loaded on the way."""
    found = {}
    with fetched(f"{root}/releases/beauty/1.0.0") as folder:
        assert verify(folder).faults == []
        rows = load_dataset(str(folder), split="train", cache_dir=str(folder.parent / "cache"))
        assert len(rows[0]["photo_id"]) == 64
        assert rows[0]["image"].size == SIZE
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def objects(root: str) -> int:
    from pyarrow import fs as pafs

    files = Warehouse.open(root).location.filesystem()
    found = files.get_file_info(pafs.FileSelector("objects", recursive=True, allow_not_found=True))
    return sum(info.is_file for info in found)


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_chain_on_a_failing_and_slow_store_equals_the_chain_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path / "photos", 40)
    write_votes(tmp_path / "votes.csv", tmp_path / "photos")
    (tmp_path / "salon.toml").write_text(SETTINGS)
    monkeypatch.setenv("SALON_SETTINGS", str(tmp_path / "salon.toml"))
    monkeypatch.setenv("SALON_PSEUDONYM_KEY", "a key of the tests, always the same")
    here = str(tmp_path / "folder")
    Warehouse.create(here)
    chain(here, tmp_path)

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    there = f"s3://{BUCKET}/salon"
    with s3_server(port) as environment, failing_store(environment["AWS_ENDPOINT_URL"], 7) as (address, done):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        Warehouse.create(there)
        chain(there, tmp_path)
        assert digests(there) == digests(here)
        assert objects(there) == objects(here) > 30
        assert released(there) == released(here)
        chain(there, tmp_path)
        assert digests(there) == digests(here), "again adds nothing"
        assert Warehouse.open(there).tables["releases"].count() == 1
    assert min(done["refused"], done["lost"], done["slow"]) > 5, done
