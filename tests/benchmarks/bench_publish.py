"""How fast a release is written, in how much memory, and how much of its bytes the next version shares.

The rate is told as a ratio to a bare loop that reads the same files, hashes them and hands them to pyarrow's writer
with the same options, in the same run; the rate of copying stands beside it. Files of web size (real photos, some
85 kB each) and of camera size (real photos enlarged to 12 megapixels) take turns; each file is a file of its own, by
another comment segment. Files are read from the disk, not from memory, and what was written is on the disk before the
clock stops. What is measured of ours is what `salon publish` does with pictures: reading, hashing, removing metadata,
checking, writing, and the checksums of the files for the manifest, which the bare loop does not have.

Sharing is measured on chunks: the files of two versions are cut by content (a rolling hash, 64 KiB on average), and
the bytes in chunks that both have are counted. The versions are made of real photos with their real votes: the first
holds 20/21 of the photos, the second 5 % more photos and 5 % more votes, half of them by new raters on old photos.

Environment: SALON_BENCH_GB (default 0.5; 10 needs 6 GB of disk), SALON_TEST_DATA (real photos; noise without them),
SALON_BENCH_PARTS (write, share; default both).
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import resource
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from curation.published import Rendering
from flows.context import open_run
from flows.import_ratings import import_ratings
from flows.release.make import make_version
from flows.release.pictures import FromOriginals, write_shards
from flows.score import score
from schemas.settings.publish import PublishSettings
from tests.conftest import CHECKOUT
from tests.flows.release.heap import KEY, Heap
from warehouse.filesystem import Location
from warehouse.releases.features import IMAGE_TYPE
from warehouse.releases.originals import Originals
from warehouse.releases.parquet import open_writer

GIGABYTE = 1_000_000_000
ROUND = GIGABYTE
"""Bytes of files that lie on the disk at a time."""
CAMERA_SIZE = (4000, 3000)
GEAR = np.random.default_rng(1).integers(0, 2**63, 256, dtype=np.uint64)
WINDOW = 32
MEAN_CHUNK_BITS = 16
SCHEMA = pa.schema(
    [("photo_id", pa.string()), ("image", IMAGE_TYPE), ("split", pa.string()), ("score", pa.float64()),
     ("format", pa.string()), ("image_kind", pa.string()), ("width", pa.int64()), ("height", pa.int64())]
)  # fmt: skip


def data_folder() -> Path:
    """Where real photos are."""
    return Path(os.environ.get("SALON_TEST_DATA", CHECKOUT.parent / "shared" / "data"))


def web_photos() -> list[bytes]:
    """Real photos as they are; noise where there are none."""
    paths = sorted((data_folder() / "oasis" / "images").glob("*.jpg"))
    if paths:
        return [path.read_bytes() for path in paths[:200]]
    print("no real photos: noise stands for them")
    return [_encoded(_noise(seed, (500, 400)), 90) for seed in range(50)]


def camera_photos(web: list[bytes]) -> list[bytes]:
    """A few photos of camera size: real ones enlarged, with the grain that cameras add."""
    found = []
    for seed, data in enumerate(web[:6]):
        with Image.open(io.BytesIO(data)) as small:
            large = np.asarray(small.convert("RGB").resize(CAMERA_SIZE, Image.Resampling.BICUBIC), np.int16)
        grain = np.random.default_rng(seed).normal(0, 4, large.shape[:2])[..., None].astype(np.int16)
        found.append(_encoded(np.clip(large + grain, 0, 255).astype(np.uint8), 92))
    return found


def _noise(seed: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (size[1] // 4, size[0] // 4, 3), dtype=np.uint8))
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR))


def _encoded(pixels: npt.NDArray[np.uint8], quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def with_comment(data: bytes, number: int) -> bytes:
    """The same picture in another file: a comment segment behind the beginning."""
    return data[:2] + struct.pack(">BBHQ", 0xFF, 0xFE, 10, number) + data[2:]


def files_of(kinds: list[bytes], folder: Path, total: float, first: int) -> list[Path]:
    """Distinct files of a sum of bytes, written to the disk."""
    paths: list[Path] = []
    written = 0
    while written < total:
        data = with_comment(kinds[len(paths) % len(kinds)], first + len(paths))
        path = folder / f"{first + len(paths):08d}.jpg"
        path.write_bytes(data)
        paths.append(path)
        written += len(data)
    return paths


def rows_of(paths: list[Path]) -> tuple[dict[str, Path], pa.Table]:
    """Files by photo_id, and their rows without pictures."""
    files, sizes = {}, []
    for path in paths:
        data = path.read_bytes()
        files[hashlib.sha256(data).hexdigest()] = path
        with Image.open(io.BytesIO(data)) as image:
            sizes.append(image.size)
    n = len(files)
    columns = {
        "photo_id": list(files), "image": pa.nulls(n, IMAGE_TYPE), "split": ["train"] * n, "score": [1.0] * n,
        "format": ["jpeg"] * n, "image_kind": ["original"] * n, "width": [w for w, _ in sizes],
        "height": [h for _, h in sizes],
    }  # fmt: skip
    return files, pa.table(columns, schema=SCHEMA)


def forget(paths: list[Path]) -> None:
    """Write files out, and let go of what memory holds of them, so that the next reader reads the disk."""
    os.sync()
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def timed(what: Callable[[], None], paths: list[Path]) -> float:
    """Seconds of reading from the disk until all is on the disk."""
    forget(paths)
    began = time.perf_counter()
    what()
    os.sync()
    return time.perf_counter() - began


def copying(paths: list[Path], folder: Path) -> None:
    for path in paths:
        shutil.copyfile(path, folder / path.name)


def bare(files: dict[str, Path], rows: pa.Table, folder: Path) -> None:
    """Read, hash, and hand to the writer."""
    settings = PublishSettings()
    plain = rows.drop_columns(["image"])
    waiting: list[tuple[str, bytes]] = []
    writer = open_writer(folder / "0.parquet", SCHEMA)
    in_group = in_file = start = shards = 0
    for photo_id, path in files.items():
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == photo_id
        waiting.append((photo_id, data))
        in_group += len(data)
        if in_group < settings.row_group_mb * 1_000_000:
            continue
        write_group(writer, plain.slice(start, len(waiting)), waiting)
        start, in_file, in_group, waiting = start + len(waiting), in_file + in_group, 0, []
        if in_file >= settings.shard_mb * 1_000_000:
            writer.close()
            shards, in_file = shards + 1, 0
            writer = open_writer(folder / f"{shards}.parquet", SCHEMA)
    if waiting:
        write_group(writer, plain.slice(start), waiting)
    writer.close()


def write_group(writer: pq.ParquetWriter, plain: pa.Table, pictures: list[tuple[str, bytes]]) -> None:
    """One row group, as pyarrow makes it of lists."""
    images = [{"bytes": data, "path": f"{photo_id}.jpg"} for photo_id, data in pictures]
    table = plain.add_column(1, SCHEMA.field("image"), pa.array(images, IMAGE_TYPE))
    writer.write_table(table, row_group_size=len(table))


def ours(files: dict[str, Path], rows: pa.Table, folder: Path) -> None:
    """What publish does with pictures."""
    originals = Originals(Location.of(folder), {photo_id: [str(path)] for photo_id, path in files.items()})
    about = {"source_bytes": [path.stat().st_size for path in files.values()], "source_orientation": [1] * len(files)}
    source = FromOriginals.known(originals, Rendering(), pa.table({"photo_id": list(files), **about}))
    written = write_shards(folder, rows, PublishSettings(), source)
    assert not written.faults and written.rows == {"train": len(files)} and all(written.sums.values())


def write(root: Path, gigabytes: float) -> None:
    """Both loops over the same files, round by round; prints ratios."""
    web = web_photos()
    for name, kinds in (("web size", web), ("camera size", camera_photos(web))):
        spent = {"copying": 0.0, "bare": 0.0, "ours": 0.0}
        total = count = turns = 0
        while total < gigabytes * GIGABYTE / 2:
            folder = root / "round"
            for part in ("files", *spent):
                (folder / part).mkdir(parents=True)
            paths = files_of(kinds, folder / "files", min(ROUND, gigabytes * GIGABYTE / 2 - total), count)
            files, rows = rows_of(paths)
            loops = {
                "copying": partial(copying, paths, folder / "copying"),
                "bare": partial(bare, files, rows, folder / "bare"),
                "ours": partial(ours, files, rows, folder / "ours"),
            }
            for which in ("copying", *(("bare", "ours") if turns % 2 else ("ours", "bare"))):
                spent[which] += timed(loops[which], paths)
                shutil.rmtree(folder / which)
            total, count, turns = total + sum(p.stat().st_size for p in paths), count + len(paths), turns + 1
            shutil.rmtree(folder)
        rates = {which: total / 1e6 / seconds for which, seconds in spent.items()}
        print(f"{name}: {count:,} JPEG files, {total / 1e9:.2f} GB: copying {rates['copying']:.0f} MB/s, bare loop "
              f"{rates['bare']:.0f} MB/s, publish {rates['ours']:.0f} MB/s; publish / bare loop "
              f"{rates['ours'] / rates['bare']:.2f} (wanted: .70 and more)", flush=True)  # fmt: skip
    unit = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(f"peak memory of the process, making the files included: {memory:.0f} MB (wanted: below 1000)")


def chunks(data: bytes) -> list[bytes]:
    """Digests of content-defined chunks: cut where a rolling hash over 32 bytes has 16 zero bits."""
    values = GEAR[np.frombuffer(data, np.uint8)]
    rolling: npt.NDArray[np.uint64] = np.zeros(max(len(values) - WINDOW + 1, 1), np.uint64)
    for place in range(min(WINDOW, len(values))):
        rolling += values[place : place + len(rolling)] << np.uint64(place)
    cuts = np.flatnonzero(rolling >> np.uint64(64 - MEAN_CHUNK_BITS) == 0) + WINDOW
    ends = [int(cut) for cut in cuts if cut < len(data)] + [len(data)]
    found, start = [], 0
    for end in ends:
        found.append(data[start:end])
        start = end
    return found


def shared(before: Path, after: Path) -> tuple[float, float]:
    """Share of the bytes of one folder's files that lie in chunks of another's, and its size in MB."""
    known = {hashlib.sha256(c).digest() for p in before.rglob("*") if p.is_file() for c in chunks(p.read_bytes())}
    total = common = 0
    for path in sorted(p for p in after.rglob("*") if p.is_file()):
        for chunk in chunks(path.read_bytes()):
            total += len(chunk)
            common += len(chunk) * (hashlib.sha256(chunk).digest() in known)
    return common / total, total / 1e6


def next_version(root: Path) -> Iterator[tuple[str, float, float]]:
    """Publish real photos with real votes, then 5 % more of both; yields what was shared, and of how many MB."""
    os.environ["SALON_PSEUDONYM_KEY"] = KEY.decode()
    oasis = data_folder() / "oasis"
    if not oasis.is_dir():
        print(f"no real photos at {oasis}: sharing is not measured")
        return
    heap = Heap(root)
    paths = sorted((oasis / "images").iterdir(), key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())
    most = round(len(paths) / 1.05)
    with (oasis / "votes.csv").open(newline="") as stream:
        votes = [row for row in csv.DictReader(stream) if (oasis / "images" / f"{row['image_id']}.jpg").exists()]
    place = {v["rater_id"]: hashlib.sha256(v["rater_id"].encode()).digest()[0] / 256 for v in votes}
    first = {path.stem for path in paths[:most]}
    # Of the later ratings half are cast on the photos released before, by new raters, and half on the new photos.
    early = [v for v in votes if v["image_id"] in first and place[v["rater_id"]] >= 1 / 42]
    late = [v for v in votes if v["image_id"] in first or place[v["rater_id"]] >= 1 / 2]
    folders = []
    for some, cast in ((paths[:most], early), (paths[most:], late)):
        heap.keep(heap.take((path.read_bytes() for path in some), has_gps=False))
        _import(heap, root, cast)
        score(root=heap.warehouse.location.root)
        folders.append(Path(make_version(open_run(heap.warehouse.location.root), "shared").files["release"]))
        print(f"version {folders[-1].name}: {len(cast):,} votes")
    before, after = folders
    yield "the whole release", *shared(before, after)
    yield "its pictures (data/)", *shared(before / "data", after / "data")


def _import(heap: Heap, root: Path, votes: list[dict[str, str]]) -> None:
    """Import votes; photos are named by their ids, since the heap gives files names of its own."""
    ids = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
           for path in (data_folder() / "oasis" / "images").iterdir()}  # fmt: skip
    path = root / "votes.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["photo", "rater", "score", "position"])
        writer.writerows([ids[v["image_id"]], v["rater_id"], v["score"], v["trial_number"]] for v in votes)
    import_ratings(root=heap.warehouse.location.root, file=str(path), scale="1-7", source="oasis")


def main() -> None:
    """Print ratios and shares."""
    gigabytes = float(os.environ.get("SALON_BENCH_GB", "0.5"))
    parts = os.environ.get("SALON_BENCH_PARTS", "write, share")
    with tempfile.TemporaryDirectory(dir=os.environ.get("SALON_BENCH_FOLDER")) as name:
        if "write" in parts:
            write(Path(name), gigabytes)
        if "share" in parts:
            for what, share, megabytes in next_version(Path(name)):
                print(f"5 % more photos and ratings: {share:.1%} of the bytes of {what} ({megabytes:.1f} MB) are in "
                      "chunks of the version before (wanted: 90 % and more)")  # fmt: skip


if __name__ == "__main__":
    main()
