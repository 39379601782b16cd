"""Means, intervals and paired differences, by hand and against SciPy."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from eagle_mllm.errors import ResultError
from eagle_mllm.metrics import Summary, paired_difference, summarize

NAN = float("nan")


def seeded():
    return np.random.default_rng(0)


def test_missing_numbers_are_counted_and_not_averaged(rng):
    summary = summarize([0.25, NAN, 0.75, NAN], rng=rng)
    assert (summary.mean, summary.n, summary.n_missing) == (0.5, 2, 2)


def test_nothing_at_all_is_missing_not_zero(rng):
    summary = summarize([NAN, NAN], rng=rng)
    assert (summary.n, summary.n_missing) == (0, 2)
    assert all(map(math.isnan, (summary.mean, summary.low, summary.high)))
    assert summarize([], rng=rng).n_missing == 0


def test_one_number_has_a_mean_and_no_interval(rng):
    summary = summarize([0.5, NAN], rng=rng)
    assert summary.mean == 0.5
    assert math.isnan(summary.low)
    assert not summary.excludes_zero


def test_of_two_numbers_the_interval_reaches_from_one_to_the_other(rng):
    # A quarter of the resamples holds the first twice, a quarter the second.
    assert summarize([0.25, 0.75], rng=rng) == Summary(
        mean=0.5, low=0.25, high=0.75, n=2, n_missing=0
    )


def test_equal_numbers_have_an_interval_without_width(rng):
    summary = summarize([1.0] * 5, rng=rng)
    assert (summary.low, summary.high) == (1.0, 1.0)


def test_truth_values_are_a_rate(rng):
    assert summarize([True, False, True, True], rng=rng).mean == 0.75


def test_the_interval_is_that_of_scipy(rng):
    values = rng.exponential(size=60)
    theirs = bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    ours = summarize(values, rng=rng)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_nineteen_of_twenty_intervals_hold_the_true_mean(rng):
    """The level is what is promised, not one of 90 or 99 %."""
    summaries = [summarize(rng.random(50), rng=rng) for _ in range(300)]
    held = np.mean([one.low <= 0.5 <= one.high for one in summaries])
    assert 0.91 <= held <= 0.98


def test_equal_generators_give_equal_intervals():
    values = np.linspace(0, 1, 20) ** 2
    assert summarize(values, rng=seeded()) == summarize(values, rng=seeded())
    assert summarize(values, rng=seeded()) != summarize(values, rng=np.random.default_rng(1))


def test_a_paired_difference_is_of_each_sample_with_itself(rng):
    first, second = [0.5, 0.75, 1.0, NAN], [0.25, 0.5, NAN, 0.5]
    assert paired_difference(first, second, rng=rng) == Summary(
        mean=0.25, low=0.25, high=0.25, n=2, n_missing=2
    )


def test_pairs_see_a_difference_that_the_means_hide(rng):
    hard = rng.random(40)
    better = hard + 0.01 + 0.005 * rng.random(40)
    assert summarize(hard, rng=rng).high > summarize(better, rng=rng).low
    difference = paired_difference(better, hard, rng=rng)
    assert difference.excludes_zero
    assert difference.low > 0
    assert paired_difference(hard, better, rng=rng).excludes_zero  # from the other side too


def test_a_difference_around_zero_excludes_nothing(rng):
    difference = paired_difference([0.1, 0.4, 0.2, 0.3], [0.2, 0.3, 0.1, 0.4], rng=rng)
    assert difference.low < 0 < difference.high
    assert not difference.excludes_zero


def test_pairs_of_different_numbers_of_samples_are_refused(rng):
    with pytest.raises(ResultError, match="got 2 and 3"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0], rng=rng)
