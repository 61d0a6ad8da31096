"""Buckets and their inventories are listed in columns, whatever their keys are called, and what is known is skipped."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import NotAuthorised, ServiceUnavailable, WrongUse
from schemas.photos import PHOTOS, QUARANTINE, SIGHTINGS
from schemas.properties import PROPERTIES, PropertySet
from tests.benchmarks.synthetic_tables import filled
from tests.object_store import BUCKET, s3_server
from warehouse.sources.entries import Entry, Source, Unreadable
from warehouse.sources.inventory import InventorySource
from warehouse.sources.known import unknown_entries
from warehouse.sources.object_store import ObjectFile, ObjectStoreSource, store_of
from warehouse.sources.opening import open_sources
from warehouse.sources.remote import RemoteSource
from warehouse.sources.side_by_side import side_by_side
from warehouse.store import Warehouse

pytestmark = pytest.mark.server

PLAIN = ("a.jpg", "b/c.JPG", "b/d.txt", "b/.hidden.jpg", "b/e/f.png", "b/folder/", "g/noending")
ODD = ("odd/ü mit + % #.jpg", "odd/x//c.jpg", "odd/./d.jpg", "odd/%20e.jpg", "odd/\x01f.jpg")


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with s3_server(port):
        fsspec.filesystem("s3").clear_instance_cache()
        store_of.cache_clear()
        files = fsspec.filesystem("s3")
        for key in (*PLAIN, *ODD):
            files.call_s3("put_object", Bucket=BUCKET, Key=key, Body=b"" if key.endswith("/") else key.encode())
        yield files
        store_of.cache_clear()
        fsspec.filesystem("s3").clear_instance_cache()


def keys(source: Source) -> list[str]:
    return sorted(entry.uri.removeprefix(f"s3://{BUCKET}/") for entry in source.entries())


def opened(path: str) -> Source:
    (source,) = open_sources(f"s3://{BUCKET}{path}")
    assert isinstance(source, ObjectStoreSource)
    return source


def test_a_prefix_is_listed_with_size_time_and_tag_and_what_is_no_picture_is_counted(bucket: Any) -> None:
    source = opened("/b")
    found = {entry.uri: entry for entry in source.entries()}
    assert set(found) == {f"s3://{BUCKET}/b/c.JPG", f"s3://{BUCKET}/b/e/f.png"}
    told = bucket.info(f"{BUCKET}/b/c.JPG")
    entry = found[f"s3://{BUCKET}/b/c.JPG"]
    assert (entry.size, entry.modified_at, entry.etag) == (7, told["LastModified"], told["ETag"].strip('"'))
    assert entry.file_name == "c.JPG"
    assert entry.address is not None
    content = entry.address.read(100)
    assert (content.data, content.size, content.modified_at) == (b"b/c.JPG", 7, entry.modified_at)
    with pytest.raises(Unreadable, match="7 bytes; at most 6 are allowed"):
        entry.address.read(6)
    with pytest.raises(Unreadable, match="it vanished before it was read"):
        ObjectFile(entry.uri + "x").read(100)
    assert source.ignored() == {".txt": 1, "hidden": 1, "folder": 1}


def test_both_ways_of_listing_agree_on_every_key_odd_ones_too(bucket: Any) -> None:
    whole = opened("")
    assert keys(whole) == keys(RemoteSource(f"s3://{BUCKET}"))
    assert set(ODD) <= set(keys(opened("/odd/")))
    for entry in opened("/odd/").entries():
        assert entry.address is not None
        assert entry.address.read(100).data == entry.uri.removeprefix(f"s3://{BUCKET}/").encode()
    assert keys(opened("/a.jpg")) == ["a.jpg"], "one object is a source too"
    assert keys(opened("/b/**/*.png")) == ["b/e/f.png"]
    assert keys(opened("/*.jpg")) == ["a.jpg"]


def test_what_is_wrong_is_said_in_a_sentence(bucket: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="nothing/here: there is no such address"):
        keys(opened("/nothing/here"))
    with pytest.raises(WrongUse, match="no-such-bucket/x: there is no such address"):
        list(ObjectStoreSource("s3://no-such-bucket/x").entries())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store_of.cache_clear()
    monkeypatch.setattr(
        "warehouse.sources.object_store.RETRYING", {"max_retries": 0}
    )  # else it takes the store's usual patience of minutes
    with pytest.raises(ServiceUnavailable, match="the store does not answer"):
        list(ObjectStoreSource(f"s3://{BUCKET}/b").entries())
    store_of.cache_clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NotAuthorised, match="no credentials for S3"):
        list(ObjectStoreSource(f"s3://{BUCKET}/b").entries())
    store_of.cache_clear()


def test_an_error_in_one_of_several_listings_is_raised_and_leaves_no_thread_behind() -> None:
    def counting(first: int) -> Iterator[int]:
        yield from range(first, first + 500)
        if first == 1000:
            raise ValueError("the third listing broke")

    jobs = [lambda first=first: counting(first) for first in range(0, 8000, 500)]
    with pytest.raises(ValueError, match="the third listing broke"):
        list(side_by_side(jobs, 4))
    sound = [job for k, job in enumerate(jobs) if k != 2]
    assert sorted(side_by_side(sound, 4)) == [n for n in range(8000) if not 1000 <= n < 1500]
    some = side_by_side(sound, 4)
    assert next(some) >= 0
    some.close()  # type: ignore[attr-defined]  # it is a generator; closing it must not wait for ever


def take_all_in(warehouse: Warehouse, entries: list[Entry]) -> None:
    """Rows as ingest leaves them for files that it took in."""
    count = len(entries)
    ids = pa.array([f"{n:064x}" for n in range(count)])
    columns = {
        name: pa.array([getattr(entry, name) for entry in entries], SIGHTINGS.schema.field(name).type)
        for name in ("uri", "file_name", "size", "modified_at", "etag")
    }
    warehouse.table(SIGHTINGS).insert(filled(SIGHTINGS, count, photo_id=ids, **columns))
    warehouse.table(PHOTOS).insert(filled(PHOTOS, count, photo_id=ids, uri=columns["uri"], simulated=True))
    warehouse.table(PROPERTIES).insert(filled(PROPERTIES, count, photo_id=ids, version=PropertySet.DEFAULT.version))


def unknown(warehouse: Warehouse, source: Source, recheck: bool = False, retry: tuple[str, ...] = ()) -> list[str]:
    found = unknown_entries(warehouse, source, recheck, retry, PropertySet.DEFAULT)
    return sorted(entry.uri.rpartition("/")[2] for _, fresh in found for entry in fresh)


def test_what_is_known_is_skipped_and_what_has_changed_is_not(bucket: Any, tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    everything = list(opened("/").entries())
    take_all_in(warehouse, [entry for entry in everything if entry.file_name not in ("f.png", "noending")])
    assert unknown(warehouse, opened("/")) == ["f.png", "noending"]
    bucket.call_s3("put_object", Bucket=BUCKET, Key="b/c.JPG", Body=b"others!")
    assert unknown(warehouse, opened("/")) == ["c.JPG", "f.png", "noending"], "the tag tells, the size does not"
    bucket.call_s3("put_object", Bucket=BUCKET, Key="b/c.JPG", Body=b"b/c.JPG")
    refused = next(entry for entry in everything if entry.file_name == "noending")
    warehouse.table(QUARANTINE).insert(
        filled(QUARANTINE, 1, uri=refused.uri, size=refused.size, modified_at=refused.modified_at, reason="timeout")
    )
    assert "noending" not in unknown(warehouse, opened("/"))
    assert "noending" in unknown(warehouse, opened("/"), retry=("timeout",))
    assert len(unknown(warehouse, opened("/"), recheck=True)) == len(everything)


def inventory_rows(bucket: Any) -> list[dict[str, Any]]:
    rows = []
    for name, told in sorted(bucket.find(BUCKET, detail=True).items()):
        key = name.removeprefix(f"{BUCKET}/")
        rows.append({"bucket": BUCKET, "key": key, "size": told["Size"], "etag": told["ETag"].strip('"'),
                     "last_modified_date": told["LastModified"].astimezone(UTC)})  # fmt: skip
    return rows


def test_an_inventory_in_parquet_says_what_a_listing_says(bucket: Any, tmp_path: Path) -> None:
    path = tmp_path / "inventory.parquet"
    pq.write_table(pa.Table.from_pylist(inventory_rows(bucket)), path)
    (source,) = open_sources(str(path))
    assert isinstance(source, InventorySource)
    by_listing = {(e.uri, e.size, e.modified_at, e.etag) for e in opened("/").entries()}
    assert {(e.uri, e.size, e.modified_at, e.etag) for e in source.entries()} == by_listing


def test_amazons_manifest_leads_to_its_data_files(bucket: Any, tmp_path: Path) -> None:
    from urllib.parse import quote_plus

    rows = inventory_rows(bucket)
    lines = [
        f'"{row["bucket"]}","{quote_plus(row["key"])}","true","false","{row["size"]}",'
        f'"{row["last_modified_date"]:%Y-%m-%dT%H:%M:%S.000Z}","{row["etag"]}"'
        for row in rows
    ]
    lines.append(f'"{BUCKET}","old.jpg","false","false","3","2026-01-01T00:00:00.000Z","x"')
    lines.append(f'"{BUCKET}","gone.jpg","true","true","","2026-01-01T00:00:00.000Z",""')
    bucket.call_s3("create_bucket", Bucket="inventories")
    bucket.call_s3(
        "put_object", Bucket="inventories", Key="data/1.csv.gz", Body=gzip.compress("\n".join(lines).encode())
    )
    manifest = {
        "sourceBucket": BUCKET, "destinationBucket": "arn:aws:s3:::inventories", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag",
        "files": [{"key": "data/1.csv.gz"}],
    }  # fmt: skip
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    (source,) = open_sources(str(path))
    assert keys(source) == keys(opened("/"))
    entry = next(e for e in source.entries() if e.file_name == "a.jpg")
    assert (entry.size, entry.modified_at.tzinfo) == (5, UTC)
    assert entry.modified_at > datetime(2026, 1, 1, tzinfo=UTC)
    path.write_text("{}")
    with pytest.raises(Exception, match=r"manifest\.json: no manifest of an inventory; expected fileSchema"):
        keys(source)


def test_a_csv_with_bucket_and_key_is_an_inventory(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('"Bucket","Key","Size"\nphotos,2024/a.jpg,5\nphotos,2024/b.jpg,6\n')
    (source,) = open_sources(str(path))
    assert [(entry.uri, entry.size) for entry in source.entries()] == [
        ("s3://photos/2024/a.jpg", 5),
        ("s3://photos/2024/b.jpg", 6),
    ]
