"""Algorithm 1 by hand, and the way back from a map to an order."""

import numpy as np
import pytest

from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.saliency import (
    pixel_steps,
    rank_regions,
    region_gains,
    region_saliency,
    saliency_map,
)
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import RegionError

INSIGHT = Objective(necessity=0.0)


def trace(order, insertion, deletion=None):
    """A trace of one token with regions of equal area."""
    column = np.array(insertion, dtype=np.float32)[:, np.newaxis]
    removed = column[::-1] if deletion is None else np.array(deletion, np.float32)[:, np.newaxis]
    ids = np.zeros(column.shape, dtype=int)
    return Trace(
        order=np.array(order),
        insertion=column,
        deletion=removed,
        area=np.linspace(0, 1, len(column)),
        insertion_predicted=ids,
        deletion_predicted=ids,
        searched=len(order),
    )


def test_algorithm_1_by_hand():
    # F = p(π_:r): 0.5, 0.75, 1.0, 0.75 after the 1st to 4th region.
    # A: 0, −0.25, −0.5, −0.75 along the order, stretched: 1, 2/3, 1/3, 0.
    saliency = region_saliency(trace([2, 0, 3, 1], [0, 0.5, 0.75, 1.0, 0.75]), INSIGHT)
    np.testing.assert_allclose(saliency, [2 / 3, 0, 1, 1 / 3])


def test_both_terms_of_the_objective_count():
    # F = p(π_:r) + 1 − p(V∖π_:r): 1.25, 1.25, 1.5, so A: 0, 0, −0.25.
    found = trace([0, 1, 2], [0, 0.25, 0.5, 0.5], [0.5, 0.0, 0.25, 0.0])
    assert region_saliency(found, Objective()).tolist() == [1.0, 1.0, 0.0]


def test_the_step_to_the_first_region_does_not_count():
    one = region_saliency(trace([0, 1, 2], [0.0, 0.5, 0.75, 1.0]), INSIGHT)
    other = region_saliency(trace([0, 1, 2], [0.5, 0.5, 0.75, 1.0]), INSIGHT)
    assert one.tolist() == other.tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("insertion", [[0.5, 0.5, 0.5], [0.0, 0.5, 0.5], [0.25, 0.75]])
def test_a_map_without_differences_is_all_zeros(insertion):
    n_regions = len(insertion) - 1
    saliency = region_saliency(trace(range(n_regions), insertion), INSIGHT)
    assert saliency.tolist() == [0.0] * n_regions


def test_saliency_falls_along_the_order_from_one_to_zero(rng):
    order = rng.permutation(20)
    saliency = region_saliency(trace(order, rng.random(21)), Objective())[order]
    assert saliency[0] == 1.0
    assert saliency[-1] == 0.0
    assert (np.diff(saliency) <= 0).all()


def test_gains_keep_their_sign_and_sum_to_what_the_whole_image_adds():
    found = trace([2, 0, 1], [0.25, 0.75, 0.5, 1.0])
    gains = region_gains(found, INSIGHT)
    assert gains.tolist() == [-0.25, 0.5, 0.5]
    assert gains.sum() == 1.0 - 0.25


def test_a_map_gives_every_pixel_the_value_of_its_region():
    regions = Regions.from_labels(np.array([[0, 0], [1, 2]]))
    painted = saliency_map(np.array([0.5, 0.0, 1.0]), regions)
    assert painted.tolist() == [[0.5, 0.5], [0.0, 1.0]]
    assert painted.dtype == np.float32


def test_a_map_needs_one_value_for_each_region(regions):
    with pytest.raises(RegionError, match="6 regions need as many values; got 5"):
        saliency_map(np.zeros(5), regions)


def test_regions_are_ranked_by_their_mean_not_their_sum():
    regions = Regions.from_labels(np.array([[0, 0, 0, 1]]))
    assert rank_regions(np.array([[0.4, 0.4, 0.4, 0.9]]), regions).tolist() == [1, 0]


def test_a_flat_map_ranks_regions_by_index_whatever_their_areas(rng):
    labels = np.sort(np.concatenate([np.arange(7), rng.integers(0, 7, size=13 * 17 - 7)]))
    regions = Regions.from_labels(labels.reshape(13, 17))
    assert rank_regions(np.full((13, 17), 0.1), regions).tolist() == list(range(7))


def test_ranking_a_map_of_an_order_gives_back_the_order(regions, rng):
    order = rng.permutation(6)
    values = np.empty(6)
    values[order] = np.linspace(1, 0, 6)
    assert rank_regions(saliency_map(values, regions), regions).tolist() == order.tolist()


def test_a_map_of_another_size_is_refused(regions):
    with pytest.raises(RegionError, match=r"shape \(3, 3\), the regions \(16, 24\)"):
        rank_regions(np.zeros((3, 3)), regions)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_map_with_holes_has_no_ranking(regions, wrong):
    with pytest.raises(RegionError, match="NaN or infinity"):
        rank_regions(np.full((16, 24), wrong), regions)


def test_pixels_are_cut_into_steps_of_equal_area_by_hand():
    saliency = np.array([[0.9, 0.1, 0.5], [0.5, 0.7, 0.0]], dtype=np.float32)
    everything = np.ones((2, 3), dtype=bool)
    # Ranks 0.9, 0.7, 0.5 (upper row first), 0.5, 0.1, 0.0; steps end after 1, 3, 4 and 6 pixels.
    steps = pixel_steps(saliency, everything, steps=4)
    assert steps.labels.tolist() == [[0, 3, 1], [2, 1, 3]]
    assert (steps.method, steps.asked) == ("pixels", 4)


def test_pixels_that_are_not_seen_are_one_further_step():
    saliency = np.array([[0.9, 0.1, 0.5], [0.5, 0.7, 0.0]], dtype=np.float32)
    seen = np.array([[False, True, True], [False, True, True]])
    assert pixel_steps(saliency, seen, steps=2).labels.tolist() == [[2, 1, 0], [2, 0, 1]]
    assert len(pixel_steps(saliency, seen)) == 5


def test_pixels_without_a_rank_are_refused():
    seen = np.ones((2, 2), dtype=bool)
    with pytest.raises(RegionError, match="NaN or infinity"):
        pixel_steps(np.array([[np.nan, 0.0], [0.0, 0.0]]), seen)
    with pytest.raises(RegionError, match="sees none"):
        pixel_steps(np.zeros((2, 2)), ~seen)
