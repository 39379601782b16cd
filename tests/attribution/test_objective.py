"""F by hand."""

import math

import numpy as np
import pytest

from eagle_mllm.attribution.objective import Objective

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
