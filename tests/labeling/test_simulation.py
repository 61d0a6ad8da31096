"""Simulated raters: they are what the panel says they are, and the same seed makes the same votes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from labeling.labelstudio.panel import result_of
from labeling.protocols.answers import Answer, Reply, parse
from labeling.protocols.catalogue import built_in
from labeling.simulation.answers import Seen, reply
from labeling.simulation.panel import Mix, RaterKind, SimulatedRater, panel
from labeling.simulation.quality import TRAITS, latent_quality, quality_of_scores, traits
from schemas.codes import Outcome
from schemas.errors import WrongUse

ACR = built_in()["acr-5"]


def photos(count: int) -> list[Seen]:
    rng = np.random.default_rng(0)
    return [
        Seen(f"photo {n}", float(q), rng.normal(0, 1, len(TRAITS)).tolist())
        for n, q in enumerate(rng.normal(0, 1, count))
    ]


def vote(rater: SimulatedRater, photo: Seen, position: int = 1, *, again: bool = False, seed: str = "s") -> float:
    said = reply(ACR, rater, [photo], position=position, again=again, seed=seed)
    return said.answer.values["beauty"] if said.answer and said.answer.values else np.nan


def votes(raters: list[SimulatedRater], shown: list[Seen]) -> npt.NDArray[np.float64]:
    return np.array([[vote(rater, photo) for photo in shown] for rater in raters])


def test_a_panel_is_drawn_by_its_seed_and_a_larger_one_begins_with_the_same_people() -> None:
    assert panel(Mix(8), "s") == panel(Mix(8), "s")
    assert panel(Mix(12), "s")[:8] == panel(Mix(8), "s")
    assert panel(Mix(8), "t") != panel(Mix(8), "s")
    kinds = Counter(rater.kind for rater in panel(Mix(10, 2, 3, 1), "s"))
    assert kinds == {
        RaterKind.CAREFUL: 4, RaterKind.STRAIGHT_LINER: 2, RaterKind.SPAMMER: 3, RaterKind.DUPLICATE: 1,
    }  # fmt: skip
    with pytest.raises(WrongUse, match="no room for 3"):
        panel(Mix(2, 3), "s")


def test_careful_raters_recover_the_latent_quality() -> None:
    shown = photos(150)
    found = np.nanmean(votes(panel(Mix(20), "s"), shown), axis=0)
    assert stats.spearmanr(found, [photo.quality for photo in shown]).statistic > 0.95


def test_bias_and_inconsistency_of_votes_are_those_of_the_rater() -> None:
    shown = photos(250)
    raters = panel(Mix(20), "s")
    given = votes(raters, shown)
    bias = np.nanmean(given - np.nanmean(given, axis=0), axis=1)
    assert stats.pearsonr(bias, [rater.bias for rater in raters]).statistic > 0.9
    again = np.array([[vote(rater, photo, again=True) for photo in shown] for rater in raters])
    spread = np.nanstd(given - again, axis=1) / np.sqrt(2)
    assert stats.pearsonr(spread, [rater.inconsistency for rater in raters]).statistic > 0.9


def test_private_taste_stays_the_same_over_repeats_and_noise_does_not() -> None:
    shown = photos(400)
    one = panel(Mix(3), "s")[0]
    first = np.array([vote(one, photo) for photo in shown])
    second = np.array([vote(one, photo, again=True) for photo in shown])
    rest = np.nanmean(votes(panel(Mix(15), "s")[1:], shown), axis=0)
    known = ~np.isnan(first + second + rest)
    own = np.corrcoef((first - rest)[known], (second - rest)[known])[0, 1]
    assert 0.1 < own < 0.9
    assert (first[known] != second[known]).any()


def test_a_spammer_tells_nothing_and_a_straight_liner_hardly_moves() -> None:
    shown = photos(300)
    raters = {rater.kind: rater for rater in panel(Mix(3, 1, 1), "s")}
    spam = [vote(raters[RaterKind.SPAMMER], photo) for photo in shown]
    assert abs(stats.spearmanr(spam, [photo.quality for photo in shown]).statistic) < 0.15
    assert min(Counter(spam).values()) > 30
    line = [vote(raters[RaterKind.STRAIGHT_LINER], photo) for photo in shown]
    assert Counter(line).most_common(1)[0][1] > 0.9 * len(line)
    for kind in (RaterKind.SPAMMER, RaterKind.STRAIGHT_LINER):
        assert raters[kind].seconds < raters[RaterKind.CAREFUL].seconds / 2


def test_a_duplicate_votes_like_the_one_it_copies() -> None:
    shown = photos(300)
    raters = panel(Mix(4, duplicates=1), "s")
    given = votes(raters, shown)
    known = ~np.isnan(given).any(axis=0)
    residual = given[:, known] - given[:, known].mean(axis=0)
    alike = np.corrcoef(residual)
    assert alike[0, 3] > 0.5
    assert max(alike[0, 1], alike[0, 2], alike[1, 2]) < 0.2


def test_drift_moves_late_votes() -> None:
    one = panel(Mix(1), "s")[0]
    drifting = SimulatedRater(**{**one.__dict__, "drift": 1.0})
    shown = photos(300)
    early = np.nanmean([vote(drifting, photo, 1) for photo in shown])
    late = np.nanmean([vote(drifting, photo, 150) for photo in shown])
    assert 0.8 < late - early < 1.6


@pytest.mark.parametrize("name", built_in())
def test_every_answer_survives_the_way_through_label_studio(name: str) -> None:
    protocol = built_in()[name]
    shown = photos(len(protocol.picture_keys) * 40)
    width = len(protocol.picture_keys)
    said = []
    for rater in panel(Mix(4, 1, 1), "s"):
        for start in range(0, len(shown), width):
            made = reply(protocol, rater, shown[start : start + width], position=1, again=False, seed="s")
            assert isinstance(made, Reply)
            if made.answer is not None:
                assert parse(protocol, result_of(protocol, made.answer)) == made.answer
                said.append(made.answer)
    assert len(said) > 140
    assert len({repr(answer) for answer in said}) > 2


def test_the_better_photo_wins_a_comparison_more_often() -> None:
    pairwise = built_in()["pairwise"]
    left, right = Seen("left", 1.0, [0.0] * len(TRAITS)), Seen("right", -0.5, [0.0] * len(TRAITS))
    outcomes = Counter(
        said.answer.outcome
        for rater in panel(Mix(200), "s")
        if (said := reply(pairwise, rater, [left, right], position=1, again=False, seed="s")).answer
    )
    assert outcomes[Outcome.LEFT] > 3 * outcomes[Outcome.RIGHT]


def test_quality_is_standardised_and_depends_on_no_other_photo() -> None:
    rng = np.random.default_rng(2)
    count = 3000
    properties = {name: rng.normal(centre, scale, count) for name, centre, scale in TRAITS}
    properties["sharpness"] = np.expm1(properties["sharpness"])
    ids = [f"p{n:05}" for n in range(count)]
    features = traits(properties, count)
    quality = latent_quality(ids, features, "s")
    assert abs(quality.mean()) < 0.1
    assert 0.85 < quality.std() < 1.15
    assert latent_quality(ids[:10], features[:10], "s") == pytest.approx(quality[:10])
    assert traits({}, 4).tolist() == np.zeros((4, len(TRAITS))).tolist()
    assert quality_of_scores(np.array([0.0, 0.5, 1.0])).tolist() == [-2.5, 0.0, 2.5]


def test_problems_and_skips_occur_and_have_no_vote() -> None:
    one = SimulatedRater(**{**panel(Mix(1), "s")[0].__dict__, "skips": 0.3, "problems": 0.3})
    said = [reply(ACR, one, [photo], position=1, again=False, seed="s") for photo in photos(300)]
    skipped = [r for r in said if r.answer is None]
    problems = [r for r in said if isinstance(r.answer, Answer) and r.answer.problem is not None]
    assert 60 < len(skipped) < 120
    assert 60 < len(problems) < 120
    assert all(not r.answer.values for r in problems if r.answer)
