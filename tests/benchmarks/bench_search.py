"""How fast the nearest of a million vectors are found, and in how much memory of our own.

    python tests/benchmarks/bench_search.py

Vectors are random unit vectors (1,000,000 of 512 numbers, 2 GB) in a mapped file, as `salon search` has them.
The answer is compared with a full product in float64 on a part. Starting Python and the text tower is not in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from warehouse.vectors import ID_BYTES, VectorMatrix, nearest

STEP = 50_000


def mapped(folder: Path, count: int, dimensions: int) -> VectorMatrix:
    """Random unit vectors in files, written in pieces."""
    rng = np.random.default_rng(0)
    with (folder / "vectors.bin").open("wb") as vectors, (folder / "ids.bin").open("wb") as ids:
        for start in range(0, count, STEP):
            part = rng.standard_normal((min(STEP, count - start), dimensions), dtype=np.float32)
            part /= np.linalg.norm(part, axis=1, keepdims=True)
            vectors.write(part.tobytes())
            ids.write(rng.bytes(len(part) * ID_BYTES))
    return VectorMatrix(
        np.memmap(folder / "ids.bin", np.uint8, "r", shape=(count, ID_BYTES)),
        np.memmap(folder / "vectors.bin", np.float32, "r", shape=(count, dimensions)),
    )


def anonymous_mb() -> float:
    """Memory that is ours alone, not the mapped file's, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description="Time exact search over a mapped matrix.")
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=512)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        matrix = mapped(Path(folder), options.vectors, options.dimensions)
        query = np.asarray(matrix.vectors[123])
        before = anonymous_mb()
        times, processor = [], []
        for _ in range(8):
            began, used = time.perf_counter(), time.process_time()
            hits = nearest(matrix, query, 24)
            times.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
        part = np.asarray(matrix.vectors[:STEP])
        began = time.perf_counter()
        _ = part @ query  # the same work in memory, on a part: what the machine can do at this moment
        bare = (time.perf_counter() - began) * options.vectors / len(part)
        exact = matrix.vectors[:STEP].astype(np.float64) @ query.astype(np.float64)
        best = np.argsort(-exact, kind="stable")[:3]
        found = {hit.photo_id: hit.score for hit in hits}
        assert hits[0].photo_id == matrix.photo_ids(np.array([123]))[0]
        assert all(abs(found.get(p, s) - s) < 1e-9 for p, s in zip(matrix.photo_ids(best), exact[best], strict=True))
        row = {
            "vectors": options.vectors,
            "dimensions": options.dimensions,
            "first search, s": round(times[0], 3),
            "best of the others, s": round(min(times[1:]), 3),
            "processor time of all cores, s": round(min(processor[1:]), 3),
            "bare product of the same size, s": round(bare, 3),
            "memory of our own, MB more": round(anonymous_mb() - before, 1),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
