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

from curation.canonical import canonical_bytes
from curation.decoding.decode import ORIENTATION_TAG, decode
from curation.embedding.descriptor import Descriptor
from curation.embedding.loader import embed_pictures
from curation.embedding.open_clip import Loading, load_open_clip
from curation.embedding.specs import FolderSpec
from schemas.codes import Precision
from tests.conftest import real_data
from tests.curation.embedding.strangers import other_strangers, plain_strangers
from tests.curation.embedding.test_descriptor import outlier_area, ridge_correlation

SEEDS = (101, 202)


def vectors_of(embedder: Any, pictures: list[bytes]) -> Any:
    """Vectors of JPEG files, in order."""
    numbered = [(str(k), data) for k, data in enumerate(pictures)]
    return np.concatenate([batch.vectors for batch in embed_pictures(embedder, numbered, workers=2)])


def canonical(data: bytes) -> bytes:
    """The canonical picture of a photo, as ingest makes it."""
    return canonical_bytes(decode(data), data)


def larger_photos() -> list[bytes]:
    """Upright JPEG originals of more than canonical size: made by people, cameras and generators."""
    found = []
    for folder in ("avt_ai", "dups"):
        for path in sorted(real_data(folder, "images").glob("*.jp*g")):
            data = path.read_bytes()
            with Image.open(io.BytesIO(data)) as picture:
                plain = picture.format == "JPEG" and picture.mode == "RGB" and "icc_profile" not in picture.info
                if plain and min(picture.size) > 600 and picture.getexif().get(ORIENTATION_TAG, 1) == 1:
                    found.append(data)
    return found


def main() -> None:
    """Print one JSON line per space."""
    folder = real_data("oasis")
    with (folder / "images.csv").open(newline="") as stream:
        images = list(csv.DictReader(stream))
    with (folder / "published_means.csv").open(newline="") as stream:
        beauty = {row["image_id"]: float(row["published_beauty_mean"]) for row in csv.DictReader(stream)}
    target = np.array([beauty[row["image_id"]] for row in images])
    photos = [canonical((folder / row["file"]).read_bytes()) for row in images]
    larger = larger_photos()
    tower = FolderSpec(real_data("open_clip", "mobilenet-v1-real"))
    for embedder in (Descriptor(), load_open_clip(tower, Loading(device="cpu", precision=Precision.FLOAT32))):
        vectors = vectors_of(embedder, photos)
        from_original = vectors_of(embedder, larger)
        cosine = np.sum(from_original * vectors_of(embedder, [canonical(data) for data in larger]), axis=1)
        row: dict[str, object] = {
            "space": embedder.space.model,
            "ridge r to mean beauty (3 x 10-fold)": round(ridge_correlation(vectors, target), 3),
            "AUC of strangers, on which the measure was chosen": outliers(embedder, vectors, plain_strangers()),
        }
        for seed in SEEDS:
            families = other_strangers(seed)
            everyone = [data for family in families.values() for data in family]
            row[f"AUC of other strangers, seed {seed}"] = outliers(embedder, vectors, everyone)
            row[f"by family, seed {seed}"] = {
                name: outliers(embedder, vectors, family) for name, family in families.items()
            }
        row |= {
            "originals above canonical size": len(larger),
            "cosine canonical to original, mean": round(float(cosine.mean()), 5),
            "cosine canonical to original, least": round(float(cosine.min()), 5),
        }
        print(json.dumps(row), flush=True)


def outliers(embedder: Any, photos: Any, planted: list[bytes]) -> float:
    """AUC of the typicality rule's score on pictures planted among photos."""
    return round(outlier_area(photos, vectors_of(embedder, planted)), 4)


if __name__ == "__main__":
    main()
