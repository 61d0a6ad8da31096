"""Towers as ONNX graphs: the embedder's own vectors for any number of pictures, and nothing of this machine inside."""

from __future__ import annotations

import io
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from curation.embedding import onnx_tower
from curation.embedding.onnx_tower import PIXELS, VECTOR, refuse_without_packages, tower_graph
from schemas.errors import WrongUse
from tests.conftest import CHECKOUT
from tests.curation.embedding.test_open_clip import loaded, photos


@pytest.fixture(scope="module")
def tiny() -> bytes:
    return bytes(tower_graph(loaded("tiny-random")).SerializeToString())


@pytest.mark.parametrize("folder", ["tiny-random", "mobilenet-v1-real"])
def test_the_graph_gives_the_embedders_vectors_and_tells_nothing_of_the_machine(folder: str, tiny: bytes) -> None:
    embedder = loaded(folder)
    content = tiny if folder == "tiny-random" else tower_graph(embedder).SerializeToString()
    pixels = np.stack([embedder.prepare(picture) for picture in photos()])
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch in (pixels, pixels[:1]):
        (found,) = session.run([VECTOR], {PIXELS: batch})
        np.testing.assert_allclose(found, embedder.embed(embedder.collate(list(batch))), atol=2e-6)
    for word in (str(CHECKOUT), sys.prefix, "site-packages", ".py", "stack_trace"):
        assert word.encode() not in content


def test_black_and_white_pictures_go_through_the_graph(tiny: bytes) -> None:
    embedder = loaded("tiny-random")
    session = onnxruntime.InferenceSession(tiny)
    files = []
    for colour in ("black", "white"):
        stream = io.BytesIO()
        Image.new("L", (90, 70), colour).save(stream, "PNG")
        files.append(stream.getvalue())
    batch = np.stack([embedder.prepare(file) for file in files])
    (found,) = session.run([VECTOR], {PIXELS: batch})
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_a_model_beyond_two_gigabytes_and_a_missing_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_tower, "LARGEST", 1000)
    with pytest.raises(WrongUse, match=r"do not fit into one ONNX file, which ends at 2 GB"):
        tower_graph(loaded("tiny-random"))
    monkeypatch.setattr(onnx_tower, "PACKAGES", ("onnx", "no_such_package"))
    with pytest.raises(WrongUse, match=r"not installed: no_such_package; pip install 'salon-curation\[onnx\]'"):
        refuse_without_packages()


def test_the_graph_is_a_valid_model_of_the_stated_opset(tiny: bytes) -> None:
    graph = onnx.load_from_string(tiny)
    onnx.checker.check_model(graph, full_check=True)
    assert [(part.domain, part.version) for part in graph.opset_import] == [("", onnx_tower.OPSET)]
