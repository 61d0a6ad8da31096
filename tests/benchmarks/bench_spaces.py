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
from curation.embedding.open_clip import Loading, load_open_clip
from curation.embedding.specs import FolderSpec
from schemas.codes import Precision
from tests.conftest import real_data
from tests.curation.embedding.strangers import other_strangers, plain_strangers
from tests.curation.embedding.strangers_drawn import drawn_strangers
from tests.curation.embedding.strangers_rendered import rendered_strangers
from tests.curation.embedding.test_descriptor import ridge_correlation
from tests.curation.embedding.test_strangers import area_under_curve, outlier_scores, vectors_of
from tests.flows.labelstudio.chromium import CHROMIUM

SEEDS = (101, 202)


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
    collections = {"plain": {"plain": plain_strangers()}}
    collections |= {f"other, seed {seed}": other_strangers(seed) for seed in SEEDS}
    collections |= {f"drawn, seed {seed}": drawn_strangers(seed) for seed in SEEDS}
    if Path(CHROMIUM).exists():
        collections |= {f"rendered, seed {seed}": rendered_strangers(seed) for seed in SEEDS}
    tower = FolderSpec(real_data("open_clip", "mobilenet-v1-real"))
    for embedder in (Descriptor(), load_open_clip(tower, Loading(device="cpu", precision=Precision.FLOAT32))):
        vectors = vectors_of(embedder, photos)
        from_original = vectors_of(embedder, larger)
        cosine = np.sum(from_original * vectors_of(embedder, [canonical(data) for data in larger]), axis=1)
        row: dict[str, object] = {
            "space": embedder.space.model,
            "ridge r to mean beauty (3 x 10-fold)": round(ridge_correlation(vectors, target), 3),
        }
        for name, families in collections.items():
            row[f"AUC, {name}"], row[f"by family, {name}"] = outliers(embedder, vectors, families)
        row |= {
            "originals above canonical size": len(larger),
            "cosine canonical to original, mean": round(float(cosine.mean()), 5),
            "cosine canonical to original, least": round(float(cosine.min()), 5),
        }
        print(json.dumps(row), flush=True)


def outliers(embedder: Any, photos: Any, families: dict[str, list[bytes]]) -> tuple[float, dict[str, float]]:
    """AUC of the typicality rule's measure on pictures planted among photos, all of them and by family."""
    planted = vectors_of(embedder, [data for family in families.values() for data in family])
    scores = outlier_scores(photos, planted)
    of_photos, of_planted = scores[: len(photos)], scores[len(photos) :]
    ends = np.cumsum([len(family) for family in families.values()])
    parts = np.split(of_planted, ends[:-1])
    by_family = {name: round(area_under_curve(part, of_photos), 3) for name, part in zip(families, parts, strict=True)}
    return round(area_under_curve(of_planted, of_photos), 4), by_family


if __name__ == "__main__":
    main()
