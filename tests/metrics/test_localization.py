"""The maximum point and the pointing game, by hand."""

import numpy as np

from eagle_mllm.metrics.localization import maximum_point, pointing_game


def test_the_maximum_point_of_a_peak_is_the_peak() -> None:
    saliency = np.zeros((3, 4), np.float32)
    saliency[2, 1] = 1.0
    assert maximum_point(saliency) == (2, 1)


def test_the_maximum_point_of_a_plateau_is_its_middle_and_lies_on_it() -> None:
    saliency = np.zeros((5, 5), np.float32)
    saliency[1:4, 1:4] = 1.0
    assert maximum_point(saliency) == (2, 2)
    saliency[2, 2] = 0.0
    row, column = maximum_point(saliency)
    assert saliency[row, column] == 1.0


def test_pointing_needs_the_point_inside_not_any_overlap() -> None:
    saliency = np.zeros((5, 5), np.float32)
    saliency[0:3, 0:3] = 1.0
    corner, center = np.zeros((2, 5, 5), bool)
    corner[0, 0], center[1, 1] = True, True
    assert pointing_game(saliency, center)
    assert not pointing_game(saliency, corner)
