"""The maximum point and the pointing game, by hand."""

import numpy as np
import pytest

from eagle_mllm.errors import ResultError
from eagle_mllm.metrics.localization import (
    maximum_point,
    pointing_game,
    pointing_game_any_overlap,
)


@pytest.fixture
def plateau() -> np.ndarray:
    """A map whose maximum fills the upper left 3 x 3 pixels of 5 x 5; its middle is (1, 1)."""
    saliency = np.zeros((5, 5), np.float32)
    saliency[0:3, 0:3] = 1.0
    return saliency


def _mask(*pixels: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((5, 5), bool)
    for pixel in pixels:
        mask[pixel] = True
    return mask


def _published_hit(saliency: np.ndarray, mask: np.ndarray) -> bool:
    """As the reference's evaluation decides it: the maximum inside the object is the global one."""
    return bool(np.max(np.where(mask, saliency, -np.inf)) == np.max(saliency))


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


def test_pointing_needs_the_point_inside_not_any_overlap(plateau) -> None:
    assert pointing_game(plateau, _mask((1, 1)))
    assert not pointing_game(plateau, _mask((0, 0)))


def test_one_pixel_of_the_plateau_is_enough_for_any_overlap(plateau) -> None:
    assert pointing_game_any_overlap(plateau, _mask((0, 0)))
    assert not pointing_game_any_overlap(plateau, _mask((3, 3), (4, 4)))


def test_without_an_object_nothing_is_hit(plateau) -> None:
    assert not pointing_game(plateau, _mask())
    assert not pointing_game_any_overlap(plateau, _mask())


def test_a_constant_map_points_at_the_middle_and_overlaps_with_everything() -> None:
    constant = np.zeros((5, 5), np.float32)
    assert pointing_game(constant, _mask((2, 2)))
    assert not pointing_game(constant, _mask((0, 0)))
    assert pointing_game_any_overlap(constant, _mask((0, 0)))


def test_any_overlap_is_the_rule_of_the_reference_and_a_strict_hit_implies_it(rng) -> None:
    for _ in range(200):
        saliency = rng.integers(0, 4, size=(5, 5)).astype(np.float32)
        mask = rng.random((5, 5)) < 0.2
        any_overlap = pointing_game_any_overlap(saliency, mask)
        assert any_overlap == _published_hit(saliency, mask)
        assert any_overlap or not pointing_game(saliency, mask)


@pytest.mark.parametrize("rule", [pointing_game, pointing_game_any_overlap])
def test_a_mask_of_another_shape_is_refused(rule, plateau, as_users_run_it) -> None:
    with pytest.raises(ResultError, match=r"\(5, 5\), the mask \(5, 6\)"):
        rule(plateau, np.ones((5, 6), bool))
