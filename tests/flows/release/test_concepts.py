"""Concepts that go with the score: planted ones are named, and where there can be none a sentence says why."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.learn import learn
from tests.curation.embedding.colour_clip import colour_clip
from tests.flows.release.heap import Heap
from tests.flows.release.test_learning import planted

PHRASES = '["red", "green", "blue", "yellow / purple"]'


def coloured(heap: Heap, folder: Path) -> None:
    """Photos of one colour each, the redder the better liked, with vectors of a model that knows colours."""
    heap.settings(
        f'[embed]\nembedder = "open_clip:local-dir:{folder}"\ndevice = "cpu"\n[learn]\ndraws = 100\n'
        f"concepts = {PHRASES}\n"
    )
    rng = np.random.default_rng(0)
    files = {}
    for photo_id in heap.photo_ids():
        level = int(photo_id[:4], 16) % 5  # the votes' own level
        red = np.array([60, 90, 160]) + (np.array([230, 30, 30]) - np.array([60, 90, 160])) * level / 4
        stream = io.BytesIO()
        shade = np.clip(red + rng.normal(0, 6, 3), 0, 255).astype(int)
        Image.new("RGB", (96, 72), tuple(int(value) for value in shade)).save(stream, "PNG")
        files[photo_id] = stream.getvalue()
    heap.embed(files)
    heap.made()


def test_a_planted_concept_is_named_and_others_are_corrected_for_their_number(rated: Heap, tmp_path: Path) -> None:
    coloured(rated, colour_clip(tmp_path / "clip"))
    outcome = learn(root=rated.warehouse.location.root, name="beauty", version="1.0.0")
    (folder,) = (rated.root / "wh" / "heads" / "beauty" / "1.0.0").iterdir()
    told = {c["name"]: c for c in json.loads((folder / "figures.json").read_text())["concepts"]}
    assert set(told) == {"red", "green", "blue", "yellow"}
    assert told["red"]["effect"] > 0.5 and told["red"]["adjusted"] < 0.001
    assert told["blue"]["effect"] < told["red"]["effect"]
    assert all(concept["adjusted"] >= concept["p"] for concept in told.values())
    assert "goes with the score: red" in outcome.counts
    page = Path(outcome.files["report"]).read_text()
    assert "Concepts" in page and ">red<" in page


def test_without_a_text_half_that_fits_a_sentence_says_why_there_are_no_concepts(rated: Heap) -> None:
    planted(rated)
    root = rated.warehouse.location.root
    outcome = learn(root=root, name="beauty", version="1.0.0")
    assert "No concepts: vectors are of test:planted, the settings' embedder is descriptor@1." in outcome.notes
    rated.settings("[learn]\nconcepts = []\n")
    assert "No concepts: learn.concepts names none." in learn(root=root, name="beauty", version="1.0.0").notes
    assert "No concepts" in Path(outcome.files["report"]).read_text()


@pytest.mark.parametrize("model", ["tiny-random"])
def test_a_text_half_that_knows_nothing_is_told_so(rated: Heap, model: str) -> None:
    from tests.conftest import real_data

    coloured(rated, real_data("open_clip", model))
    outcome = learn(root=rated.warehouse.location.root, name="beauty", version="1.0.0")
    assert any("does not tell plain colours" in note for note in outcome.notes)
