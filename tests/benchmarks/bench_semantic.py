"""What `dedupe.semantic_distance` means in a space: which pairs lie within it, by kind.

    python tests/benchmarks/bench_semantic.py
    python tests/benchmarks/bench_semantic.py --video FILE.mp4

For `descriptor@1` and the small real tower: the share of pairs within each cosine distance, for copies that the
fingerprints often miss, for frames of one scene, and for different photos (OASIS, of one theme and of two).
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from curation.embedding.descriptor import Descriptor
from curation.embedding.open_clip import Loading, load_open_clip
from curation.embedding.specs import FolderSpec
from schemas.codes import Precision
from tests.benchmarks.bench_edits import KNOWN_COPIES, calibrated, edited, frames
from tests.benchmarks.bench_spaces import canonical
from tests.benchmarks.hard_edits import COPIES, OTHERS
from tests.conftest import real_data
from tests.curation.embedding.test_strangers import vectors_of

DISTANCES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
KINDS = (
    "JPEG quality 20", "gamma 2.2", "tint of a filter", "mark over all", "screenshot of a viewer", "rotated by 4°",
    "cropped by 5 %", "cropped by 10 %", "cropped by 15 %",
)  # fmt: skip


def copies(count: int, seed: int) -> Iterator[tuple[str, bytes, bytes]]:
    """Kind, photo and copy, both as canonical pictures."""
    files = sorted(real_data("oasis", "images").iterdir())
    free = [file for place, file in enumerate(files) if not calibrated(place)]
    for file in np.random.default_rng(seed).choice(np.array(free, object), count, replace=False):
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        for kind, edit in ((kind, {**COPIES, **OTHERS}[kind]) for kind in (*KINDS, *OTHERS)):
            copy = edited(edit, photo, [seed, *file.stem.encode()])
            yield kind, canonical(file.read_bytes()), canonical(copy)


def film(video: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """Frames of a film, some time apart."""
    with tempfile.TemporaryDirectory() as folder:
        for row in frames(video, Path(folder)):
            one, other = (canonical(Path(file).read_bytes()) for file in (row.file_a, row.file_b))
            yield row.relation, one, other


def between_photos(embedder: Any) -> dict[str, Any]:
    """Distances between OASIS photos: of one theme, and of two."""
    with real_data("oasis", "images.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["image_id"] not in KNOWN_COPIES]
    vectors = vectors_of(embedder, [canonical(real_data("oasis", row["file"]).read_bytes()) for row in rows])
    theme = np.array([row["theme"] for row in rows])
    first, second = np.triu_indices(len(rows), 1)
    apart, same = (1 - vectors @ vectors.T)[first, second], theme[first] == theme[second]
    return {"photos of one theme": apart[same], "photos of two themes": apart[~same]}


def shown(space: str, apart: dict[str, Any]) -> Table:
    """One line for each kind of pair."""
    table = Table(title=f"{space}: percent of the pairs within a distance", box=SIMPLE)
    table.add_column("pairs", no_wrap=True)
    for name in ("number", *(f"{distance:g}" for distance in DISTANCES), "median"):
        table.add_column(name, justify="right")
    for kind, distances in apart.items():
        values = np.asarray(distances)
        shares = (100 * float(np.mean(values <= distance)) for distance in DISTANCES)
        cells = (f"{share:.0f}" if share >= 1 or not share else f"{share:.2g}" for share in shares)
        table.add_row(kind, f"{len(values):,}", *cells, f"{np.median(values):.3f}")
    return table


def main() -> None:
    """Print one table for each space."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=30)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--video", type=Path, nargs="*", default=[], help="films whose frames are a series")
    options = parser.parse_args()
    pairs = [*copies(options.photos, options.seed), *(pair for video in options.video for pair in film(video))]
    tower = FolderSpec(real_data("open_clip", "mobilenet-v1-real"))
    for embedder in (Descriptor(), load_open_clip(tower, Loading(device="cpu", precision=Precision.FLOAT32))):
        pictures = sorted({picture for _, *both in pairs for picture in both})
        vectors = dict(zip(pictures, vectors_of(embedder, pictures), strict=True))
        apart = defaultdict(list)
        for kind, one, other in pairs:
            apart[kind].append(1 - float(vectors[one] @ vectors[other]))
        Console(width=110).print(shown(embedder.space.model, {**apart, **between_photos(embedder)}))


if __name__ == "__main__":
    main()
