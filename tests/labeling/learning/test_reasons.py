"""Reasons: planted effects and shortcuts are found, nulls are not, and maps pass the field's sanity checks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from labeling.learning.comparison import Ballots, ceiling, compare
from labeling.learning.effects import effects_one_by_one, shortcut_report, standardised_effects
from labeling.learning.relevance import CELLS, deletion_effect, edge_order, relevance_map
from labeling.learning.whatif import KNOBS, contrast, crop, exposure, saturation, variants, warmth

Floats = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]


def test_planted_weights_are_recovered_with_sign_and_order() -> None:
    rng = np.random.default_rng(0)
    properties = {name: rng.normal(size=600) * 5 + 20 for name in ("warm", "sharp", "dark", "nothing")}
    raters = rng.normal([0.8, 0.4, -0.2, 0.0], [0.1, 0.1, 0.1, 0.0], size=(40, 4))
    seen = np.column_stack([(v - v.mean()) / v.std() for v in properties.values()])
    score = (seen @ raters.T + rng.normal(0, 1, (600, 40))).mean(axis=1)
    found = standardised_effects(properties, score)
    assert [e.name for e in found][:3] == ["warm", "sharp", "dark"]
    assert [np.sign(e.effect) for e in found[:3]] == [1, 1, -1]
    assert [e.real for e in found] == [True, True, True, False]


def test_effects_and_their_intervals_are_those_of_statsmodels_hc3() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3))
    y = x @ [1.0, 0.5, 0.0] + rng.normal(size=80) * (1 + np.abs(x[:, 0]))
    found = {e.name: e for e in standardised_effects({f"p{k}": x[:, k] for k in range(3)}, y)}
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    peer = sm.OLS((y - y.mean()) / y.std(), sm.add_constant(z)).fit(cov_type="HC3", use_t=True)
    for k in range(3):
        assert found[f"p{k}"].effect == pytest.approx(peer.params[k + 1], abs=1e-10)
        assert (found[f"p{k}"].low, found[f"p{k}"].high) == pytest.approx(tuple(peer.conf_int()[k + 1]), rel=1e-6)


def test_effects_one_by_one_are_correlations_with_the_same_intervals_and_one_correction_for_all() -> None:
    rng = np.random.default_rng(5)
    concepts = {f"c{k}": rng.normal(size=120) for k in range(20)}
    concepts["same as c0"] = concepts["c0"] + rng.normal(0, 0.01, 120)
    y = concepts["c0"] + rng.normal(size=120)
    found = {e.name: e for e in effects_one_by_one({**concepts, "flat": np.ones(120)}, y)}
    assert "flat" not in found and len(found) == 21
    assert found["c0"].real and found["same as c0"].real  # jointly, neither would be
    assert sum(e.real for e in found.values()) <= 3
    z = (concepts["c3"] - concepts["c3"].mean()) / concepts["c3"].std()
    peer = sm.OLS((y - y.mean()) / y.std(), sm.add_constant(z)).fit(cov_type="HC3", use_t=True)
    assert found["c3"].effect == pytest.approx(np.corrcoef(concepts["c3"], y)[0, 1], abs=1e-10)
    assert (found["c3"].low, found["c3"].high) == pytest.approx(tuple(peer.conf_int()[1]), rel=1e-6)
    assert found["c3"].p == pytest.approx(peer.pvalues[1], rel=1e-6)
    chances = [e.p for e in found.values()]
    assert [e.adjusted for e in found.values()] == pytest.approx(multipletests(chances, method="fdr_bh")[1])
    assert effects_one_by_one({}, y) == []


def test_too_few_photos_for_so_many_properties_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 13 photos"):
        standardised_effects(
            {f"p{k}": np.linspace(0, 8, 9).astype(np.float64) ** (k + 1) for k in range(3)},
            np.linspace(0, 8, 9).astype(np.float64),
        )


def suspects(rng: np.random.Generator, n: int) -> tuple[dict[str, Floats], dict[str, list[str | None]]]:
    numbers = {name: rng.lognormal(size=n) for name in ("resolution", "compression", "date", "position")}
    return numbers, {"camera": [str(k) for k in rng.choice(["a", "b", "c", "d"], n)]}


def test_a_planted_shortcut_is_flagged_and_named() -> None:
    rng = np.random.default_rng(2)
    numbers, names = suspects(rng, 300)
    by_camera = np.array([1.0 if camera == "b" else 0.0 for camera in names["camera"]])
    score = rng.normal(size=300) + 0.3 * np.log(numbers["compression"]) + by_camera
    flagged = {s.name for s in shortcut_report(score, numbers, names) if s.flagged}
    assert flagged == {"compression", "camera"}


def test_of_a_hundred_null_reports_no_more_flag_anything_than_stated() -> None:
    flags = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        flags += any(s.flagged for s in shortcut_report(rng.normal(size=200), *suspects(rng, 200)))
    assert flags <= 9  # 5 % of 100, and chance: more than 9 happen in 3 of 100 such hundreds


def test_what_does_not_vary_or_is_not_known_is_not_tested() -> None:
    unknown = np.full(50, np.nan)
    found = shortcut_report(
        np.linspace(0, 1, 50).astype(np.float64), {"same": np.ones(50), "unknown": unknown}, {"camera": [None] * 50}
    )
    assert found == []


def scene(seed: int = 0) -> Picture:
    """Noise with strong edges in one corner and a plain bright patch in another."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(90, 110, (96, 128, 3)).astype(np.uint8)
    picture[:24, :32] = np.where(rng.random((24, 32, 1)) < 0.5, 0, 255)
    picture[60:84, 80:112] = (250, 120, 30)
    return picture


def likes_orange(pictures: list[Picture]) -> Floats:
    """A head that looks for orange and for nothing else."""
    return np.array([np.clip(p[..., 0].astype(float) - p[..., 2] - 60, 0, None).mean() for p in pictures])


def test_the_map_shows_what_the_head_looks_at_and_not_where_the_edges_are() -> None:
    found = relevance_map(scene(), likes_orange)
    strongest = np.unravel_index(found.argmax(), found.shape)
    assert 5 <= strongest[0] <= 6 and 5 <= strongest[1] <= 6
    assert edge_order(scene())[0] in (0, 1, 8, 9)


def test_covering_the_most_relevant_patches_moves_more_than_random_ones_or_edges() -> None:
    picture = scene()
    order = np.argsort(-np.abs(relevance_map(picture, likes_orange)).ravel(), kind="stable")
    most = deletion_effect(picture, likes_orange, order, 0.1)
    rng = np.random.default_rng(0)
    random = np.mean([deletion_effect(picture, likes_orange, rng.permutation(order), 0.1) for _ in range(20)])
    edges = deletion_effect(picture, likes_orange, edge_order(picture), 0.1)
    assert most > 2 * random
    assert most > 2 * edges


def test_another_head_gives_another_map() -> None:
    weights = np.random.default_rng(3).normal(size=(96, 128, 3))

    def random_head(pictures: list[Picture]) -> Floats:
        return np.array([float((p * weights).mean()) for p in pictures])

    one, two = relevance_map(scene(), likes_orange).ravel(), relevance_map(scene(), random_head).ravel()
    assert len(one) == CELLS * CELLS
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.5


def test_neutral_settings_leave_the_picture_alone_and_others_move_what_they_name() -> None:
    picture = scene()
    for knob in KNOBS:
        assert variants(picture, knob)[knob.settings.index(knob.neutral)] is picture
        assert np.abs(knob.apply(picture, knob.neutral).astype(int) - picture).max() <= 1
    assert exposure(picture, 1.0).mean() > picture.mean() > exposure(picture, -1.0).mean()
    assert contrast(picture, 0.5).std() < picture.std()
    assert np.ptp(saturation(picture, 0.0).astype(int), axis=2).max() <= 1
    warm = warmth(picture, 0.6).astype(float).mean(axis=(0, 1))
    assert warm[0] - warm[2] > picture[..., 0].mean() - picture[..., 2].mean()
    assert crop(picture, 0.5).shape == (48, 64, 3)


def voted(seed: int = 0) -> tuple[Floats, Ballots]:
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=120)
    photo, rater = np.repeat(np.arange(120), 30), np.tile(np.arange(30), 120)
    value = quality[photo] + rng.normal(0, 1, len(photo))
    return np.bincount(photo, value) / 30, Ballots(photo, rater, value)


def test_the_better_prediction_stands_first_and_a_real_difference_has_an_interval_below_zero() -> None:
    score, ballots = voted()
    rng = np.random.default_rng(1)
    guesses = {name: score + rng.normal(0, noise, 120) for name, noise in (("poor", 2.0), ("good", 0.3))}
    found = compare(
        guesses, score, ballots, {"first half": np.arange(120) < 60, "three": np.arange(120) < 3}, draws=300
    )
    assert [s.name for s in found] == ["good", "poor"]
    assert found[1].behind.high < 0
    assert found[0].behind.value == 0
    assert list(found[0].slices) == ["first half"]


def test_drawing_raters_anew_widens_the_interval() -> None:
    score, ballots = voted()
    few = Ballots(ballots.photo[ballots.rater < 4], ballots.rater[ballots.rater < 4], ballots.value[ballots.rater < 4])
    guess = {"a": score + np.random.default_rng(2).normal(0, 0.3, 120)}
    alone = compare(guess, score, None, {}, draws=300)[0].srcc
    both = compare(guess, score, few, {}, draws=300)[0].srcc
    assert both.high - both.low > 1.3 * (alone.high - alone.low)


def test_the_split_half_ceiling_is_the_reliability_that_was_planted() -> None:
    _, ballots = voted()
    found = ceiling(ballots, 120)
    assert found.pearson == pytest.approx(1 / (1 + 1 / 30), abs=0.02)
    assert found.best_possible == pytest.approx(found.pearson**0.5)
