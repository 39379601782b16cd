"""F by hand."""

import math

import numpy as np
import pytest

from eagle_mllm.attribution.objective import FLOOR, Objective

INSERTION = np.array([[0.5, 0.25], [1.0, 0.0]], dtype=np.float32)
DELETION = np.array([[0.25, 0.25], [0.0, 0.5]], dtype=np.float32)


def test_insight_is_the_mean_probability_of_what_is_shown():
    assert Objective(necessity=0.0)(INSERTION, DELETION).tolist() == [0.375, 0.5]


def test_necessity_is_the_mean_of_what_is_lost_when_it_is_hidden():
    assert Objective(insight=0.0)(INSERTION, DELETION).tolist() == [0.75, 0.75]


def test_both_are_weighed_and_added():
    values = Objective(insight=2.0, necessity=0.5)(INSERTION, DELETION)
    assert values.tolist() == [2 * 0.375 + 0.5 * 0.75, 2 * 0.5 + 0.5 * 0.75]


def test_values_are_summed_in_double_precision():
    assert Objective()(INSERTION, DELETION).dtype == np.float64


@pytest.mark.parametrize(
    ("insight", "necessity"), [(0, 0), (-1, 1), (1, -0.1), (math.nan, 1), (1, math.inf)]
)
def test_weights_that_make_no_objective_are_refused(insight, necessity):
    with pytest.raises(ValueError, match="and not both 0"):
        Objective(insight=float(insight), necessity=float(necessity))


def on_logarithms(**weights):
    return Objective(scale="log-probability", **weights)


def test_on_logarithms_a_hundredth_is_half_way_down_to_the_floor():
    shown = np.array([[1.0, 0.01], [1e-4, 0.1]])
    assert on_logarithms(necessity=0.0)(shown, shown).tolist() == pytest.approx([0.75, 0.375])
    assert on_logarithms(insight=0.0)(shown, shown).tolist() == pytest.approx([0.25, 0.625])


def test_on_logarithms_insight_is_the_probability_of_the_whole_target_for_each_token():
    probability = np.array([[0.9, 0.2, 0.05]])
    joint = float(np.prod(probability)) ** (1 / 3)
    both = (on_logarithms(necessity=0.0)(p, p)[0] for p in (probability, np.array([[joint]])))
    assert next(both) == pytest.approx(next(both))


def test_below_the_floor_nothing_counts_and_the_range_is_that_of_probabilities():
    low = np.array([[0.0], [1e-30], [FLOOR]], dtype=np.float32)
    assert on_logarithms(necessity=0.0)(low, low).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    ends = np.array([[1.0], [0.0]])
    assert on_logarithms(insight=2.0)(ends, ends[::-1]).tolist() == [3.0, 0.0]


def test_on_logarithms_more_probability_is_never_worth_less(rng):
    rising = np.sort(rng.random(50))[:, np.newaxis]
    assert (np.diff(on_logarithms()(rising, 1 - rising)) >= 0).all()
