"""How fast a release is written, in how much memory, and how much of its bytes the next version shares.

The rate is told as a ratio to a bare loop that reads the same files, hashes them and hands them to pyarrow's writer
with the same options, measured in the same run; the rate of copying stands beside it. Sharing is measured on chunks:
the files of both versions are cut by content (a rolling hash, 64 KiB on average), and shared chunks are counted.

Environment: SALON_BENCH_GB (default 0.5), SALON_TEST_DATA (real photos; noise without them).
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.published import Promise, Rendering, published
from warehouse.filesystem import Location
from warehouse.releases.features import IMAGE_TYPE
from warehouse.releases.originals import Originals
from warehouse.releases.parquet import SplitWriter

GIGABYTE = 1_000_000_000
SCHEMA = pa.schema([("photo_id", pa.string()), ("image", IMAGE_TYPE), ("score", pa.float64())])
GEAR = np.random.default_rng(1).integers(0, 2**63, 256, dtype=np.uint64)
WINDOW = 32
MEAN_CHUNK_BITS = 16


def jpegs(folder: Path, total: float, size: tuple[int, int] = (3000, 2000)) -> list[Path]:
    """Distinct photo-like JPEG files of some megabytes, made of a few pictures and a comment each."""
    import io

    from PIL import Image

    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(6):
        small = rng.integers(0, 255, (size[1] // 4, size[0] // 4, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(small).resize(size, Image.Resampling.BILINEAR).save(stream, "JPEG", quality=90)
        kinds.append(stream.getvalue())
    paths: list[Path] = []
    written = 0.0
    while written < total:
        data = kinds[len(paths) % len(kinds)]
        # Entropy-coded data differ: every file is another content to the chunker and to the hash.
        place, salt = len(data) // 3, len(paths).to_bytes(4, "big").replace(b"\xff", b"\x01")
        data = data[:place] + salt + data[place + 4 :]
        path = folder / f"{len(paths):05d}.jpg"
        path.write_bytes(data)
        paths.append(path)
        written += len(data)
    return paths


def named(paths: list[Path]) -> dict[str, Path]:
    """Files by their photo_id."""
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}


def copying(paths: list[Path], folder: Path) -> float:
    began = time.perf_counter()
    for path in paths:
        shutil.copyfile(path, folder / path.name)
    os.sync()
    return time.perf_counter() - began


def bare(files: dict[str, Path], folder: Path) -> float:
    """Read, hash, and hand to the writer."""
    began = time.perf_counter()
    plain = pa.table({"photo_id": list(files), "score": [1.0] * len(files)})
    writer = SplitWriter(folder, "train", SCHEMA, plain=plain)
    for number, (photo_id, path) in enumerate(files.items()):
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == photo_id
        writer.add_picture(number, data, f"{photo_id}.jpg")
    writer.close()
    os.sync()
    return time.perf_counter() - began


def ours(files: dict[str, Path], folder: Path) -> float:
    """What publish does with pictures: read, hash, remove metadata, check, write."""
    began = time.perf_counter()
    plain = pa.table({"photo_id": list(files), "score": [1.0] * len(files)})
    writer = SplitWriter(folder, "train", SCHEMA, plain=plain)
    originals = Originals(Location.of(folder), {photo_id: [str(path)] for photo_id, path in files.items()})
    promise, how = Promise("jpeg", "original", 3000, 2000), Rendering()
    for number, (photo_id, data) in enumerate(originals.read_all(files)):
        if not isinstance(data, bytes):
            raise data
        writer.add_picture(number, published(data, "", promise, how), f"{photo_id}.jpg")
    writer.close()
    os.sync()
    return time.perf_counter() - began


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


def next_version(folder: Path) -> tuple[float, float, int]:
    """Publish real photos, then 5 % more photos and ratings; returns the share, the size, and the photos."""
    from tests.conftest import CHECKOUT
    from tests.flows.release.heap import KEY, Heap

    os.environ["SALON_PSEUDONYM_KEY"] = KEY.decode()
    data = Path(os.environ.get("SALON_TEST_DATA", CHECKOUT.parent / "shared" / "data")) / "oasis" / "images"
    if not data.is_dir():
        print(f"no real photos at {data}: sharing is not measured")
        return float("nan"), 0.0, 0
    paths = sorted(data.iterdir(), key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())[:500]
    heap = Heap(folder)
    most = round(len(paths) / 1.05)
    first = heap.take(path.read_bytes() for path in paths[:most])
    heap.keep(first)
    heap.votes(first, raters=20)
    heap.score()
    before = heap.made()
    second = heap.take(path.read_bytes() for path in paths[most:])
    heap.keep(second)
    heap.votes(second, raters=20)
    heap.votes(first[:: len(first) // (most // 20)], raters=20, seed=9)
    heap.score()
    return *shared(before, heap.made()), len(paths)


def main() -> None:
    """Print ratios."""
    size = float(os.environ.get("SALON_BENCH_GB", "0.5"))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for part in ("files", "copy", "bare", "ours", "heap"):
            (root / part).mkdir()
        files = named(jpegs(root / "files", size * GIGABYTE))
        total = sum(path.stat().st_size for path in files.values()) / 1e6
        copied = copying(list(files.values()), root / "copy")
        rates = {"bare": [bare(files, root / "bare")], "ours": [ours(files, root / "ours")]}
        rates["bare"].append(bare(files, root / "bare"))
        rates["ours"].append(ours(files, root / "ours"))
        plain, full = min(rates["bare"]), min(rates["ours"])
        unit = 1 if sys.platform == "darwin" else 1024
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
        print(f"{len(files)} JPEG files, {total:.0f} MB: copying {total / copied:.0f} MB/s, bare loop "
              f"{total / plain:.0f} MB/s, publish {total / full:.0f} MB/s")  # fmt: skip
        print(f"publish / bare loop: {plain / full:.2f} (wanted: .70 and more); peak memory {memory:.0f} MB")
        share, megabytes, photos = next_version(root / "heap")
        print(f"5 % more photos and ratings ({photos} photos, {megabytes:.0f} MB): {share:.1%} of the bytes shared")


if __name__ == "__main__":
    main()
