"""Rules as pure functions: limits, words, prompts, neighbours, caps, heads, faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from curation.filtering.decisions import decide, definition_hash, measure_hash
from curation.filtering.faces import distinct, overlap
from curation.filtering.heads import Head, belongs_to, read_head
from curation.filtering.prompts import CLASSES, ORDINARY, ensembles, margins
from curation.filtering.similarity import (
    likeness,
    neighbour_distance,
    places_in_groups,
    reference_rows,
    robust_deviation,
    scenes,
)
from curation.filtering.values import decide_values
from schemas.errors import BadInput, WrongUse
from schemas.settings import Settings
from schemas.settings.rules import Missing, RangeRule, ValuesRule
from tests.conftest import real_data

Array = npt.NDArray[Any]


def unit(rows: Array) -> Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_a_score_is_held_against_both_limits_and_the_reason_says_which() -> None:
    rule = RangeRule(measure="iso", at_least=100, at_most=800)
    found = decide(rule, np.array([50.0, 100, 800, 801, np.nan]), "iso", "iso is not known")
    assert found.kept.tolist() == [False, True, True, False, True]
    assert found.reason == ["iso 50 is below 100", "passes", "passes", "iso 801 is above 800", "iso is not known"]
    assert found.threshold.tolist() == [100, 100, 100, 800, 100]


def test_what_is_not_known_is_dropped_only_where_the_rule_says_so() -> None:
    rule = RangeRule(measure="iso", at_most=800, missing=Missing.DROP)
    assert decide(rule, np.array([np.nan, 1]), "iso", "iso is not known").kept.tolist() == [False, True]


def test_a_new_threshold_changes_the_definition_and_not_the_measure() -> None:
    low, high = RangeRule(measure="iso", at_most=100), RangeRule(measure="iso", at_most=200)
    assert definition_hash(low, "") != definition_hash(high, "")
    assert measure_hash(low, "") == measure_hash(high, "")
    assert measure_hash(low, "a") != measure_hash(low, "b")
    assert measure_hash(low, "") != measure_hash(RangeRule(measure="entropy", at_most=100), "")


def test_the_strictest_of_several_licences_holds() -> None:
    rule = ValuesRule(column="license", allow=("CC-BY*", "CC0*"), refuse=("*-NC*",), missing=Missing.DROP)
    found = decide_values(rule, [["cc-by-4.0"], ["CC0-1.0", "CC-BY-NC-4.0"], ["all rights reserved"], []])
    assert found.kept.tolist() == [True, False, False, False]
    assert "CC-BY-NC-4.0' is refused" in found.reason[1]
    assert "not among those allowed" in found.reason[2]
    assert found.reason[3] == "license is not known"


def test_settings_are_laid_over_the_default_rules() -> None:
    given = {
        "resolution": {"at_least": 300},
        "dark": {"enabled": False},
        "iso": {"kind": "range", "measure": "iso", "at_most": 9},
    }
    rules = Settings.model_validate({"filter": {"rules": given}}).filter.rules
    assert rules["resolution"] == RangeRule(measure="short_side", at_least=300)
    assert not rules["dark"].enabled
    assert rules["iso"] == RangeRule(measure="iso", at_most=9)
    assert set(Settings().filter.rules) < set(rules)


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": {"kind": "range", "measure": "iso"}},
        {"x": {"kind": "prompt", "at_most": 0}},
        {"x": {"kind": "oracle"}},
        {"resolution": {"at_lest": 3}},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="rules"):
        Settings.model_validate({"filter": {"rules": wrong}})


def test_an_ensemble_is_the_unit_mean_of_its_sentences() -> None:
    rng = np.random.default_rng(0)
    known: dict[str, Array] = {}

    def embed_text(sentences: tuple[str, ...]) -> Array:
        return unit(np.stack([known.setdefault(s, rng.normal(size=8)) for s in sentences]))

    found = ensembles(("nudity", "gore"), ("a cat",), embed_text)  # type: ignore[arg-type]  # a sequence is enough
    sentences = next(c for c in CLASSES if c.name == "gore").sentences
    expected = embed_text(sentences).astype(float).mean(0)
    assert np.allclose(found[1], expected / np.linalg.norm(expected), atol=1e-6)
    assert np.allclose(found[2], embed_text(("a cat",))[0], atol=1e-6)
    assert found.shape == (3, 8)


def test_a_margin_is_positive_where_the_picture_is_nearer_to_what_is_looked_for() -> None:
    wanted, against = unit(np.array([[1.0, 0, 0], [0, 1, 0]])), unit(np.array([[0, 0, 1.0]]))
    pictures = unit(np.array([[0.1, 1, 0.2], [0, 0.1, 1], [1, 1, 2**0.5]]))
    found = margins(pictures, wanted, against)
    assert found[0] > 0 > found[1]
    assert found[0] == pytest.approx((1 - 0.2) / np.linalg.norm([0.1, 1, 0.2]), abs=1e-6)


def test_no_sentence_is_in_two_classes() -> None:
    sentences = [s for c in (*CLASSES, ORDINARY) for s in c.sentences]
    assert len(sentences) == len(set(sentences))


def test_neighbour_distances_are_those_of_a_full_search() -> None:
    vectors = unit(np.random.default_rng(2).normal(size=(300, 16)))
    ours = neighbour_distance(vectors, vectors, np.arange(300), 7)
    distances, _ = NearestNeighbors(n_neighbors=8, metric="cosine").fit(vectors).kneighbors(vectors)
    assert np.allclose(ours, distances[:, 7], atol=1e-5)


def test_strangers_do_not_hide_behind_each_other() -> None:
    rng = np.random.default_rng(8)
    photos = np.abs(rng.normal(size=(300, 64)))  # like a tower's last layer: all in one corner of the space
    one = np.abs(rng.normal(size=64)) * (np.arange(64) < 12)
    for strangers in (1, 30, 120):
        alike = one + 0.01 * rng.normal(size=(strangers, 64))
        vectors = unit(np.concatenate([photos, alike]))
        own = np.arange(len(vectors))
        found = neighbour_distance(vectors, vectors, own, 0)
        assert found[300:].min() > found[:300].max()
        if strangers > 10:  # where the few nearest are asked, the same strangers are the most typical of all
            assert neighbour_distance(vectors, vectors, own, 5)[300:].max() < found[300:].min()


def test_distance_from_the_crowd_depends_on_no_order_and_on_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(9).normal(size=(500, 24)) + 1)
    reference = vectors[:400]
    own = np.where(np.arange(500) < 400, np.arange(500), -1)
    found = neighbour_distance(vectors, reference, own, 0)
    order = np.random.default_rng(10).permutation(400)
    place = np.argsort(order)
    again = neighbour_distance(vectors, reference[order], np.where(own >= 0, place[own], -1), 0)
    assert np.allclose(found, again, atol=1e-6)
    monkeypatch.setattr("curation.filtering.similarity.BLOCK", 64)
    assert np.allclose(found, neighbour_distance(vectors, reference, own, 0), atol=1e-6)


def test_two_equal_pictures_are_at_no_distance_and_nothing_divides_by_nothing() -> None:
    vectors = unit(np.ones((2, 4)))
    assert neighbour_distance(vectors, vectors, np.arange(2), 0).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert np.isfinite(neighbour_distance(unit(np.eye(3)), unit(np.eye(3)), np.arange(3), 0)).all()


def test_a_planted_stranger_lies_farthest_out() -> None:
    rng = np.random.default_rng(3)
    crowd = unit(np.array([1.0, *np.zeros(15)]) + 0.3 * rng.normal(size=(200, 16)))
    vectors = np.concatenate([crowd, unit(-np.eye(16)[:1])]).astype(np.float32)
    found = robust_deviation(neighbour_distance(vectors, vectors, np.arange(201), 5))
    assert found.argmax() == 200
    assert found[200] > 8
    assert abs(np.median(found)) < 1e-9


def test_likeness_is_that_to_the_nearest_exemplar() -> None:
    vectors = unit(np.random.default_rng(4).normal(size=(20, 5)))
    found = likeness(vectors, vectors[[3, 8]])
    assert found[3] == pytest.approx(1)
    assert found[0] == pytest.approx(max(vectors[0] @ vectors[3], vectors[0] @ vectors[8]), abs=1e-6)


def test_the_reference_is_chosen_by_content_and_not_by_order() -> None:
    ids = [f"{k:064x}" for k in range(500)]
    chosen = {ids[k] for k in reference_rows(ids, 100)}
    backwards = ids[::-1]
    assert chosen == {backwards[k] for k in reference_rows(backwards, 100)}
    assert len(chosen) == 100


def test_a_chain_of_like_pictures_is_one_scene() -> None:
    angles = np.radians([0, 10, 20, 90, 97])
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], 1))
    found = scenes(vectors, float(np.cos(np.radians(11))))
    assert found[0] == found[1] == found[2] != found[3]
    assert found[3] == found[4]


@pytest.mark.parametrize("similarity", [-1.0, 0.8, 0.97, 0.999])
def test_scenes_are_the_connected_parts_of_all_links_whatever_the_blocks(
    similarity: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.filtering.similarity.BLOCK", 17)
    vectors = unit(np.random.default_rng(3).normal(size=(101, 3)))
    row, column = np.nonzero(vectors @ vectors.T >= similarity)
    _, whole = connected_components(coo_array((np.ones(len(row)), (row, column)), shape=(101, 101)), directed=False)
    assert scenes(vectors, similarity).tolist() == whole.tolist()
    assert len(scenes(vectors[:0], similarity)) == 0


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.booleans()), max_size=30), st.integers(0, 1000))
def test_places_count_up_in_each_group_whatever_the_order_of_the_photos(
    photos: list[tuple[str | None, bool]], seed: int
) -> None:
    ids = [f"{k:064x}" for k in range(len(photos))]
    order = np.random.default_rng(seed).permutation(len(photos))
    places = places_in_groups(ids, [g for g, _ in photos], np.array([c for _, c in photos], dtype=bool))
    again = places_in_groups(
        [ids[k] for k in order], [photos[k][0] for k in order], np.array([photos[k][1] for k in order], dtype=bool)
    )
    assert np.array_equal(places[order], again, equal_nan=True)
    for group in ("a", "b"):
        mine = [places[k] for k, (g, counted) in enumerate(photos) if g == group and counted]
        assert sorted(mine) == list(range(1, len(mine) + 1))
    assert all(np.isnan(places[k]) for k, (g, counted) in enumerate(photos) if g is None or not counted)


LINEAR = ("ava+logos-l14-linearMSE.npz", "sac+logos+ava1-l14-linearMSE.npz")
SINGLE = ("sa_0_4_vit_b_32_linear.npz", "sa_0_4_vit_b_16_linear.npz", "sa_0_4_vit_l_14_linear.npz")


@pytest.mark.parametrize("name", [*LINEAR, *SINGLE, "ava+logos-l14-reluMSE.npz"])
def test_laions_heads_give_what_their_own_layers_give(name: str) -> None:
    import torch

    file = real_data("weights", name)
    head = read_head(file)
    vectors = unit(np.random.default_rng(5).normal(size=(40, head.dimensions)))
    arrays = np.load(file)
    layers: list[torch.nn.Module] = []
    names = sorted({k.rpartition(".")[0] for k in arrays.files}, key=lambda k: int(k.split(".")[-1] or 0) if k else 0)
    for k, prefix in enumerate(names):
        dot = f"{prefix}." if prefix else ""
        weight, bias = torch.from_numpy(arrays[f"{dot}weight"]), torch.from_numpy(arrays[f"{dot}bias"])
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
        if "relu" in name and k < len(names) - 1:  # the published class has a rectifier after each hidden layer
            layers.append(torch.nn.ReLU())
    with torch.no_grad():
        expected = torch.nn.Sequential(*layers)(torch.from_numpy(vectors))[:, 0].numpy()
    assert np.abs(head.scores(vectors) - expected).max() < 1e-5


@pytest.mark.parametrize("name", LINEAR)
def test_a_chain_of_linear_layers_is_one_dot_product(name: str) -> None:
    head = read_head(real_data("weights", name))
    zero = head.scores(np.zeros((1, 768), np.float32))
    gain = head.scores(np.eye(768, dtype=np.float32)) - zero
    vectors = unit(np.random.default_rng(6).normal(size=(10, 768)))
    assert np.allclose(head.scores(vectors), vectors @ gain + zero, atol=1e-9)


def test_a_head_belongs_to_one_model() -> None:
    file = Path("sac+logos+ava1-l14-linearMSE.npz")
    assert belongs_to(file, "", "open_clip:ViT-L-14/openai") == ""
    assert belongs_to(file, "", "open_clip:ViT-L-14-quickgelu/openai") == ""
    assert "belongs to open_clip:ViT-L-14/openai" in belongs_to(file, "", "descriptor@1")
    assert "not known" in belongs_to(Path("mine.npz"), "", "descriptor@1")
    assert belongs_to(Path("mine.npz"), "descriptor@1", "descriptor@1") == ""


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="no such file"):
        read_head(tmp_path / "absent.npz")
    arrays: dict[str, Any] = {"0.weight": np.ones((3, 4)), "1.weight": np.ones((1, 2))}
    np.savez(tmp_path / "two.npz", **arrays)
    with pytest.raises(BadInput, match="this is no head"):
        read_head(tmp_path / "two.npz")
    np.savez(tmp_path / "objects.npz", weight=np.array([object()]))
    with pytest.raises(BadInput, match="cannot be read"):
        read_head(tmp_path / "objects.npz")
    assert Head((np.ones((1, 4)),), (np.zeros(1),), rectified=False).dimensions == 4


def test_two_findings_on_one_face_are_one() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert distinct([(0, 0, 10, 10), (1, 1, 10, 10), (50, 50, 9, 9)]) == [(0, 0, 10, 10), (50, 50, 9, 9)]
