"""What the vectors are good for, on real photos: predicting beauty, finding strangers, original against canonical.

    python tests/benchmarks/bench_spaces.py

Needs the folder of real data (SALON_TEST_DATA, or shared/data beside the checkout).
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from curation.canonical import encode
from curation.embedding.descriptor import Descriptor
from curation.embedding.loader import embed_pictures
from curation.embedding.open_clip import Loading, load_open_clip
from curation.embedding.specs import FolderSpec
from curation.filtering.similarity import neighbour_distance
from schemas.codes import Precision
from tests.conftest import real_data
from tests.curation.embedding.test_descriptor import area_under_curve, ridge_correlation, strangers


def vectors_of(embedder: Any, pictures: list[bytes]) -> Any:
    """Vectors of JPEG files, in order."""
    numbered = [(str(k), data) for k, data in enumerate(pictures)]
    return np.concatenate([batch.vectors for batch in embed_pictures(embedder, numbered, workers=2)])


def canonical(data: bytes) -> bytes:
    """The canonical picture of a photo that is no larger than 512 pixels on its short side."""
    with Image.open(io.BytesIO(data)) as picture:
        return encode(picture.convert("RGB"))


def main() -> None:
    """Print one JSON line per space."""
    folder = real_data("oasis")
    with (folder / "images.csv").open(newline="") as stream:
        images = list(csv.DictReader(stream))
    with (folder / "published_means.csv").open(newline="") as stream:
        beauty = {row["image_id"]: float(row["published_beauty_mean"]) for row in csv.DictReader(stream)}
    target = np.array([beauty[row["image_id"]] for row in images])
    originals = [(folder / row["file"]).read_bytes() for row in images]
    tower = FolderSpec(real_data("open_clip", "mobilenet-v1-real"))
    for embedder in (Descriptor(), load_open_clip(tower, Loading(device="cpu", precision=Precision.FLOAT32))):
        vectors = vectors_of(embedder, [canonical(data) for data in originals])
        everything = np.concatenate([vectors, vectors_of(embedder, strangers())])
        distance = neighbour_distance(everything, everything, np.arange(len(everything)), 0)
        cosine = np.sum(vectors[:100] * vectors_of(embedder, originals[:100]), axis=1)
        row = {
            "space": embedder.space.model,
            "ridge r to mean beauty (3 x 10-fold)": round(ridge_correlation(vectors, target), 3),
            "AUC of strangers": round(area_under_curve(distance[len(vectors) :], distance[: len(vectors)]), 4),
            "cosine canonical to original, mean": round(float(cosine.mean()), 5),
            "cosine canonical to original, least": round(float(cosine.min()), 5),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
