"""`salon learn --export onnx`: one file that predicts from pixels what Salon predicts, or a sentence why not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from PIL import Image

from curation.canonical import VERSION
from curation.embedding.open_clip import OpenClipEmbedder
from flows.context import open_run
from flows.embedders import make_embedder
from flows.learn import learn
from flows.learning.onnx_export import BAR, checked
from labeling.learning.saving import from_bytes
from schemas.errors import IntegrityFault, WrongUse
from schemas.photos import PICTURES, Picture
from tests.conftest import CHECKOUT, real_data
from tests.flows.release.heap import Heap
from tests.flows.release.test_learning import planted


def released(heap: Heap, tower: str = "tiny-random", framing: str = "model") -> tuple[str, Path, str]:
    """A release with vectors of a real tower; returns the root, the heads' folder to come, and the model."""
    folder = real_data("open_clip", tower)
    heap.settings(
        f'[embed]\nembedder = "open_clip:local-dir:{folder}"\nframing = "{framing}"\ndevice = "cpu"\n'
        "[learn]\ndraws = 100\n"
    )
    files = heap.warehouse.query("SELECT photo_id, uri FROM photos ORDER BY 1").to_pylist()
    pictures = {row["photo_id"]: upright(Path(row["uri"])) for row in files}
    heap.warehouse.table(PICTURES).insert(
        [Picture(photo_id=p, version=VERSION, width=96, height=72, bytes=data) for p, data in pictures.items()]
    )
    model = heap.embed(pictures)
    heap.made()
    return heap.warehouse.location.root, heap.root / "wh" / "heads" / "beauty" / "1.0.0", model


def upright(file: Path) -> bytes:
    stream = io.BytesIO()
    with Image.open(file) as image:
        image.convert("RGB").save(stream, "JPEG", quality=95)
    return stream.getvalue()


def by_the_recipe(model: Path, picture: bytes) -> tuple[float, float, list[float]]:
    """Run the very lines that docs/learning.md gives for use without Salon."""
    text = (CHECKOUT / "docs" / "learning.md").read_text()
    lines = text.split("### As ONNX")[1].split("```python\n")[1].split("```")[0]
    assert '"kernel.onnx"' in lines and '"photo.jpg"' in lines
    names: dict[str, Any] = {"model": model, "picture": io.BytesIO(picture)}
    exec(lines.replace('"kernel.onnx"', "model").replace('"photo.jpg"', "picture"), names)
    return float(names["score"][0]), float(names["sd"][0]), names["histogram"][0].tolist()


def test_one_file_predicts_from_pixels_what_salon_predicts(rated: Heap) -> None:
    root, heads, model = released(rated)
    outcome = learn(root=root, name="beauty", version="1.0.0", export="onnx")
    (folder,) = heads.iterdir()
    pictures = {row["photo_id"]: row["bytes"] for row in rated.warehouse.query("SELECT * FROM pictures").to_pylist()}
    for kind in ("linear", "kernel"):
        assert "at most" in str(outcome.counts[f"ONNX: {kind}.onnx"]) and "on 24 photos" in str(
            outcome.counts[f"ONNX: {kind}.onnx"]
        )
        told = pq.read_table(folder / f"predictions-{kind}.parquet").to_pylist()
        for row in told[:5]:
            score, sd, histogram = by_the_recipe(folder / f"{kind}.onnx", pictures[row["photo_id"]])
            # Pillow rounds some pixels otherwise than torch's 8-bit resize: 1 of 255.
            assert score == pytest.approx(row["score"], abs=0.02)
            assert sd == pytest.approx(row["sd"], abs=0.02)
            np.testing.assert_allclose(histogram, row["histogram"], atol=0.01)
        about = {p.key: p.value for p in onnx.load(folder / f"{kind}.onnx").metadata_props}
        assert (about["model"], about["release"], about["version"], about["kind"]) == (model, "beauty", "1.0.0", kind)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}
    learn(root=root, name="beauty", version="1.0.0", export="onnx")
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before
    (folder / "kernel.npz").write_bytes(b"another head")
    learn(root=root, name="beauty", version="1.0.0")
    assert not (folder / "kernel.onnx").exists() and (folder / "linear.onnx").exists()
    a_file_that_does_not_agree_is_refused(root, folder)


@pytest.mark.slow
def test_a_file_that_sees_whole_pictures_predicts_what_salon_predicts(rated: Heap) -> None:
    root, heads, _ = released(rated, "mobilenet-v1-real", "whole")
    learn(root=root, name="beauty", version="1.0.0", export="onnx")
    (folder,) = heads.iterdir()
    pictures = {row["photo_id"]: row["bytes"] for row in rated.warehouse.query("SELECT * FROM pictures").to_pylist()}
    with Image.open(io.BytesIO(next(iter(pictures.values())))) as image:
        assert image.width / image.height == pytest.approx(4 / 3)
    for row in pq.read_table(folder / "predictions-kernel.parquet").to_pylist()[:5]:
        score, sd, histogram = by_the_recipe(folder / "kernel.onnx", pictures[row["photo_id"]])
        assert score == pytest.approx(row["score"], abs=0.02)
        assert sd == pytest.approx(row["sd"], abs=0.02)
        np.testing.assert_allclose(histogram, row["histogram"], atol=0.01)


def a_file_that_does_not_agree_is_refused(root: str, folder: Path) -> None:
    """A thousandth off in the weights of the head is beyond the bar."""
    embedder = make_embedder(open_run(root).settings.embed)
    assert isinstance(embedder, OpenClipEmbedder)
    head = from_bytes((folder / "linear.npz").read_bytes())
    pixels = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    content = (folder / "linear.onnx").read_bytes()
    assert checked(content, folder / "linear.onnx", embedder, head, pixels, 1.0).off < BAR
    head.ridge.intercept[:] *= 1.001
    with pytest.raises(IntegrityFault, match=r"linear\.onnx: not written, since it would be .* off"):
        checked(content, folder / "linear.onnx", embedder, head, pixels, 1.0)


def test_what_has_no_tower_or_is_of_another_model_is_refused_before_anything_is_learnt(rated: Heap) -> None:
    folder = planted(rated)
    root = rated.warehouse.location.root
    with pytest.raises(WrongUse, match="the embedder 'descriptor' computes its vectors without a network"):
        learn(root=root, name="beauty", version="1.0.0", export="onnx")
    rated.settings(f'[embed]\nembedder = "open_clip:local-dir:{real_data("open_clip", "tiny-random")}"\n')
    with pytest.raises(WrongUse, match="the heads belong to test:planted, the settings' embedder is open_clip:tiny"):
        learn(root=root, name="beauty", version="1.0.0", export="onnx")
    assert not folder.exists()
