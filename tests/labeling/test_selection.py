"""Choosing what to rate: exact probabilities, flat histograms, coverage, caps, and no dependence on order."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.selection.choose import Choice, Rules, choose, simple_random
from labeling.selection.coverage import LARGEST_BLOCK, coverage, covering, facility_location
from labeling.selection.flattening import FINE_BINS, apportioned, bins, expected_counts, flatness, raked, strata
from labeling.selection.pool import NO_GROUP, Cap, Pool, permanent_numbers, within_caps

NAMES = ("brightness", "colorfulness", "sharpness")
RULES = Rules(random_share=0.2, strata=NAMES[:2], strata_bins=3, flatten=NAMES, seed="s")


def photo_ids(count: int) -> list[str]:
    return sorted(hashlib.sha256(str(n).encode()).hexdigest() for n in range(count))


def pool(count: int, caps: tuple[Cap, ...] = ()) -> Pool:
    """Photos whose properties are peaked, as those of real photos are."""
    rng = np.random.default_rng(7)
    values = {name: rng.normal(0.5, 0.12, count) for name in NAMES[:2]}
    return Pool(photo_ids(count), values | {"sharpness": rng.lognormal(0, 0.4, count)}, caps)


def unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def chosen_ids(of: Pool, found: Choice) -> set[str]:
    return {of.photo_ids[row] for row in found.rows}


# -- the random share ------------------------------------------------------------------------------
def test_the_share_is_random_and_every_probability_is_what_it_says() -> None:
    """Over many draws of the same pool, photos of the rest come in as often as their probability says."""
    of = pool(400)
    times = np.zeros(400)
    rounds = 1500
    certain = choose(of, 50, RULES)
    diverse = set(certain.rows[~certain.random].tolist())
    rest = np.array([row not in diverse for row in range(400)])
    for number in range(rounds):
        ids = [of.photo_ids[row] for row in np.flatnonzero(rest)]
        sample, probability = simple_random(ids, 10, f"seed {number}")
        assert probability == pytest.approx(10 / rest.sum())
        times[np.searchsorted(of.photo_ids, sample)] += 1
    expected = rounds * 10 / rest.sum()
    # Binomial: five standard deviations hold for 360 photos at once with near certainty.
    assert np.abs(times[rest] - expected).max() < 5 * np.sqrt(expected)
    assert certain.rest_probability == pytest.approx(10 / rest.sum())
    assert np.allclose(certain.probability[certain.random], certain.rest_probability)
    assert np.allclose(certain.probability[~certain.random], 1.0)


def test_weighting_by_the_inverse_probability_gives_the_mean_of_the_pool() -> None:
    """Horvitz and Thompson: unbiased for the pool though the batch is far from typical of it."""
    of = pool(600)
    value = of.properties["sharpness"]
    found = choose(of, 120, RULES)
    fixed = found.rows[~found.random]
    rest = np.setdiff1d(np.arange(600), fixed)
    estimates = []
    for number in range(400):
        ids = [of.photo_ids[row] for row in rest]
        sample, probability = simple_random(ids, int(found.random.sum()), f"draw {number}")
        rows = np.searchsorted(of.photo_ids, sample)
        estimates.append((value[fixed].sum() + value[rows].sum() / probability) / 600)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - value.mean()) < 4 * error
    assert abs(value[found.rows].mean() - value.mean()) > 20 * error  # plain means of a batch do not do


def test_a_photo_keeps_its_random_number_when_the_pool_grows() -> None:
    few, many = photo_ids(50), photo_ids(80)
    numbers = dict(zip(many, permanent_numbers(many, "s"), strict=True))
    assert [numbers[photo] for photo in few] == permanent_numbers(few, "s").tolist()
    assert 0 < min(numbers.values()) < max(numbers.values()) < 1
    assert permanent_numbers(few, "t").tolist() != permanent_numbers(few, "s").tolist()
    uniform = permanent_numbers(photo_ids(20_000), "s")
    assert np.abs(np.histogram(uniform, 10, (0, 1))[0] - 2000).max() < 5 * np.sqrt(2000)


# -- the whole choice ------------------------------------------------------------------------------
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 120), st.integers(1, 200), st.floats(0, 1), st.text(max_size=4))
def test_any_choice_has_the_wanted_size_and_no_photo_twice(count: int, wanted: int, share: float, seed: str) -> None:
    of = pool(count)
    found = choose(of, wanted, Rules(share, NAMES[:2], 3, NAMES, seed))
    assert len(found.rows) == min(count, wanted)
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert ((found.probability > 0) & (found.probability <= 1)).all()
    assert len(found.stratum) == count
    assert max(found.stratum) < len(found.stratum_names)


def test_the_same_seed_chooses_the_same_photos_and_another_seed_others() -> None:
    of = pool(500)
    assert chosen_ids(of, choose(of, 60, RULES)) == chosen_ids(of, choose(of, 60, RULES))
    other = choose(of, 60, Rules(0.2, NAMES[:2], 3, NAMES, "t"))
    assert chosen_ids(of, other) != chosen_ids(of, choose(of, 60, RULES))


def test_a_batch_fills_the_tails_that_the_pool_leaves_thin() -> None:
    of = pool(5000)
    found = choose(of, 300, Rules(0.0, NAMES[:2], 3, NAMES, "s"))
    for name in NAMES:
        codes = bins(of.properties[name], FINE_BINS)
        before, after = flatness(codes, FINE_BINS), flatness(codes[found.rows], FINE_BINS)
        assert after > before + 0.4 * (1 - before), name
        assert np.bincount(codes[found.rows], minlength=FINE_BINS).min() >= 8


def test_vectors_decide_within_a_stratum_and_are_asked_for_once() -> None:
    of = pool(300)
    rng = np.random.default_rng(1)
    # Two clusters, one of them rare: coverage must reach both.
    rare = np.arange(300) % 30 == 0
    matrix = unit(np.where(rare[:, None], [0.0, 1.0], [1.0, 0.0]) + rng.normal(0, 0.02, (300, 2)))
    calls: list[int] = []

    def vectors(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        calls.append(len(rows))
        return matrix[rows]

    found = choose(of, 10, Rules(0.0, (), 1, (), "s"), vectors)
    assert calls == [100]
    assert 1 <= rare[found.rows].sum() <= 5


def test_photos_without_properties_have_a_stratum_of_their_own() -> None:
    of = pool(100)
    of.properties["brightness"][:40] = np.nan
    found = choose(of, 20, RULES)
    unknown = [name for name in found.stratum_names if "brightness unknown" in name]
    assert unknown
    assert len(found.rows) == 20
    for name in NAMES:
        of.properties[name][:] = np.nan
    assert len(choose(of, 20, RULES).rows) == 20


# -- caps ------------------------------------------------------------------------------------------
def test_no_photographer_has_more_than_the_cap_in_the_diverse_part() -> None:
    codes = np.array([0] * 300 + [1] * 50 + [NO_GROUP] * 50, dtype=np.int64)
    of = pool(400, (Cap("photographer", codes, 6),))
    found = choose(of, 60, RULES)
    diverse = codes[found.rows[~found.random]]
    assert (diverse == 0).sum() <= 6
    assert (diverse == 1).sum() <= 6
    assert (diverse == NO_GROUP).sum() > 30
    assert len(found.rows) == 60


def test_a_cap_keeps_those_with_the_smallest_preference() -> None:
    codes = np.array([1, 1, 1, 0, 0, NO_GROUP, NO_GROUP])
    preference = np.array([0.3, 0.1, 0.2, 0.5, 0.4, 9.0, 8.0])
    assert within_caps([Cap("x", codes, 1)], preference).tolist() == [False, True, False, False, True, True, True]
    assert within_caps([Cap("x", codes, 0)], preference).all()
    both = [Cap("x", codes, 2), Cap("y", np.array([0, 0, 0, 0, 0, 0, 0]), 3)]
    assert within_caps(both, preference).sum() == 3


# -- the parts -------------------------------------------------------------------------------------
def test_raking_makes_all_margins_flat_at_once() -> None:
    rng = np.random.default_rng(0)
    margins = [bins(rng.normal(size=4000), FINE_BINS), bins(rng.lognormal(size=4000), FINE_BINS)]
    weights = raked(margins)
    assert weights.mean() == pytest.approx(1)
    for codes in margins:
        shares = np.bincount(codes, weights, FINE_BINS) / weights.sum()
        assert np.abs(shares - 0.1).max() < 0.02


def test_expected_counts_sum_to_what_is_wanted_and_none_is_above_one() -> None:
    rng = np.random.default_rng(0)
    for wanted in (1, 10, 50, 99, 100, 500):
        counts = expected_counts(rng.lognormal(0, 2, 100), wanted)
        assert counts.sum() == pytest.approx(min(wanted, 100))
        assert counts.max() <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 9)), min_size=1, max_size=9), st.integers(0, 60))
def test_apportioned_counts_keep_to_the_supply_and_the_sum(cells: list[tuple[float, int]], wanted: int) -> None:
    available = np.array([there for _, there in cells])
    expected = np.array([min(share, there) for share, there in cells])
    wanted = max(wanted, int(np.ceil(expected.sum())))
    counts = apportioned(expected, available, wanted)
    assert (counts <= available).all()
    assert (counts >= 0).all()
    assert counts.sum() == min(wanted, available.sum())


def test_strata_name_their_bins() -> None:
    codes, names = strata([("a", np.array([0.0, 0.5, 1.0])), ("b", np.array([np.nan, 0.0, 1.0]))], 2)
    assert [names[code] for code in codes] == ["a 1/2, b unknown", "a 2/2, b 1/2", "a 2/2, b 2/2"]


def test_bins_have_equal_width_and_constant_values_one_bin() -> None:
    counts = np.bincount(bins(np.arange(1000) / 999, 4))
    assert np.abs(counts - 250).max() <= 3
    assert set(bins(np.full(5, 3.0), 4).tolist()) == {0}
    assert bins(np.array([np.nan, np.inf]), 4).tolist() == [4, 4]


# -- coverage --------------------------------------------------------------------------------------
def test_lazy_facility_location_chooses_what_the_plain_greedy_algorithm_does() -> None:
    rng = np.random.default_rng(3)
    vectors = unit(rng.normal(size=(60, 4)))
    similar = np.maximum(vectors @ vectors.T, 0)
    covered = np.zeros(60)
    greedy: list[int] = []
    for _ in range(12):
        gains = np.maximum(similar - covered, 0).sum(axis=1)
        gains[greedy] = -1
        greedy.append(int(gains.argmax()))
        covered = np.maximum(covered, similar[greedy[-1]])
    assert facility_location(vectors, 12).tolist() == greedy


def test_facility_location_is_near_the_best_of_all_choices() -> None:
    rng = np.random.default_rng(5)
    vectors = unit(rng.normal(size=(14, 3)))
    best = max(coverage(vectors, np.array(rows)) for rows in itertools.combinations(range(14), 3))
    assert coverage(vectors, facility_location(vectors, 3)) >= (1 - 1 / np.e) * best
    assert coverage(vectors, facility_location(vectors, 14)) == pytest.approx(1, abs=1e-6)


def test_a_stratum_of_many_is_covered_in_blocks_nearly_as_well() -> None:
    rng = np.random.default_rng(6)
    vectors = unit(rng.normal(size=(2 * LARGEST_BLOCK + 100, 8)))
    rows = covering(vectors, 60)
    assert len(set(rows.tolist())) == 60
    at_random = np.mean([coverage(vectors, rng.choice(len(vectors), 60, replace=False)) for _ in range(5)])
    assert coverage(vectors, rows) > at_random + 0.01


def test_equal_vectors_do_not_keep_the_choice_from_ending() -> None:
    vectors = np.ones((20, 1), dtype=np.float32)
    assert len(set(facility_location(vectors, 20).tolist())) == 20
    zeros = np.zeros((20, 3), dtype=np.float32)
    assert len(set(facility_location(zeros, 7).tolist())) == 7
