"""The direct search's correction as numbers for runs."""

import math

import pytest

from eagle_mllm.hallucination.measuring import direct_measures


def test_the_measures_of_a_wrong_answer_by_hand(liar, picture, grid):
    model = liar([(6, 0, 12, 6)])
    generation = model.generate(picture, "Is there a moon?")
    found = direct_measures(model, generation, "No", regions=grid, fill="black")
    assert found == {
        "direct_area": pytest.approx(1 / 64),
        "direct_within_10": 1.0,
        "direct_passes": 64.0,
    }


def test_a_right_answer_has_none(liar, picture, grid):
    model = liar([(6, 0, 12, 6)])
    generation = model.generate(picture, "Is there a moon?")
    found = direct_measures(model, generation, "Yes", regions=grid, fill="black")
    assert all(math.isnan(value) for value in found.values())
