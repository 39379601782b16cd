"""The direct search finds exactly the regions that make a planted model err."""

import numpy as np
import pytest

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.hallucination.answers import closed_question
from eagle_mllm.hallucination.diagnosing import seen_areas
from eagle_mllm.hallucination.direct import (
    DirectSearch,
    Removal,
    Removals,
    smallest_removal,
    try_order,
)


def box(region):
    row, column = divmod(region, 8)
    return (6 * column, 6 * row, 6 * column + 6, 6 * row + 6)


def removals_of(model, picture, regions):
    generation = model.generate(picture, "Is there a moon?")
    closed = closed_question(model, generation, "no")
    scorer = model.scorer(generation, closed.asked, regions)
    memory = SubsetEvaluator(scorer, len(regions))
    evaluate = memory.summed(closed.groups)
    areas = seen_areas(regions, memory)
    return Removals(evaluate, areas, accepted=closed.right.ids), evaluate


SCATTERED = [0, 2, 4, 9, 11, 13, 15, 16, 32, 34, 50, 52, 61, 63]


@pytest.mark.parametrize(
    "cause", [[27], [5, 44], [9, 10, 17], [0, 7, 56, 63], [20, 21, 28, 29], SCATTERED]
)
def test_the_regions_that_cause_the_error_are_found_and_none_over(liar, picture, grid, cause):
    removals, _ = removals_of(liar([box(region) for region in cause]), picture, grid)
    found = smallest_removal(DirectSearch(), removals, grid.layout)
    assert found.removed.tolist() == cause
    assert found.area == pytest.approx(len(cause) / 64)


def test_where_all_boxes_are_needed_to_err_hiding_the_largest_share_of_one_is_enough(
    liar, picture, grid
):
    removals, _ = removals_of(liar([box(3), box(60)], rule="all"), picture, grid)
    found = smallest_removal(DirectSearch(), removals, grid.layout)
    assert found.removed.tolist() == [3]


def test_one_region_is_found_in_one_pass_for_each(liar, picture, grid):
    removals, evaluate = removals_of(liar([box(27)]), picture, grid)
    smallest_removal(DirectSearch(), removals, grid.layout)
    assert evaluate.forward_passes == 64


def test_a_small_pair_is_preferred_to_a_large_region_that_corrects_alone(liar, picture):
    import eagle_mllm as eagle

    labels = np.zeros((48, 48), dtype=int)
    labels[:6, :6], labels[:6, 6:12] = 1, 2  # region 0 is nearly everything
    regions = eagle.Regions.from_labels(labels)
    # Half of region 0's box is in each small region: without either half p falls to one half.
    model = liar([(0, 0, 12, 6), (20, 20, 40, 40)], rule="all")
    removals, _ = removals_of(model, picture, regions)
    found = smallest_removal(DirectSearch(), removals, regions.layout)
    assert 0 not in found.removed


def test_pruning_leaves_no_region_that_can_be_put_back(liar, picture, grid):
    removals, _ = removals_of(liar([box(5), box(44), box(50)]), picture, grid)
    everything_but_one = np.setdiff1d(np.arange(64), [1])
    pruned = removals.pruned(Removal(removed=everything_but_one, area=63 / 64))
    assert pruned.removed.tolist() == [5, 44, 50]
    rows = removals.rows([np.setdiff1d(pruned.removed, [one]) for one in pruned.removed])
    assert not removals.try_all(rows)[0].any()


def test_a_large_removal_of_which_little_is_needed_is_pruned_in_few_passes(liar, picture, grid):
    removals, evaluate = removals_of(liar([box(20)]), picture, grid)
    pruned = removals.pruned(Removal(removed=np.arange(60), area=60 / 64))
    assert pruned.removed.tolist() == [20]
    assert evaluate.forward_passes <= 30


def test_the_end_of_an_order_is_removed_and_pruned(liar, picture, grid):
    removals, _ = removals_of(liar([box(40), box(50)]), picture, grid)
    try_order(removals, np.arange(64))
    assert removals.smallest()[0].removed.tolist() == [40, 50]


def test_the_empty_image_is_no_correction(liar, picture, grid):
    removals, _ = removals_of(liar([box(region) for region in range(64)]), picture, grid)
    assert smallest_removal(DirectSearch(), removals, grid.layout) is None
