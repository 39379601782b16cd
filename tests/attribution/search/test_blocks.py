"""Blocks of the tree over the regions, and the order inside them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagle_mllm.attribution.hierarchy import joined
from eagle_mllm.attribution.search.blocks import Tree, by_neighbours

# 0 and 1 first, then 2 and 3, then both pairs, then 4.
MERGES = np.array([[0, 1], [3, 2], [5, 6], [4, 7]])


def test_blocks_are_regions_or_what_a_step_of_the_tree_joins():
    tree = Tree(MERGES)
    assert tree.n_regions == 5
    assert [block.tolist() for block in tree.members([4, 5, 7])] == [[4], [0, 1], [0, 1, 3, 2]]
    assert tree.halves(7) == (5, 6)


@pytest.mark.parametrize(
    ("at_least", "expected"), [(1, [8]), (2, [4, 7]), (3, [4, 5, 6]), (9, [0, 1, 2, 3, 4])]
)
def test_the_coarsest_blocks_undo_the_last_steps(at_least, expected):
    assert sorted(Tree(MERGES).coarsest(at_least)) == expected


@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 2**16))
def test_coarsest_blocks_hold_every_region_once(n_regions, at_least, seed):
    tree = Tree(joined(np.random.default_rng(seed).random((n_regions, 2))))
    blocks = tree.members(tree.coarsest(at_least))
    assert len(blocks) == min(at_least, n_regions)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(n_regions))


def test_a_block_is_ordered_from_what_is_shown_outwards(cells):
    places = cells(1, 6).layout.places
    order = by_neighbours([np.array([0]), np.array([3, 1, 2]), np.array([5, 4])], places)
    assert order.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_first_block_begins_at_the_border_of_the_image(cells):
    # Nothing is shown yet, and a corner has the fewest hidden neighbours.
    order = by_neighbours([np.arange(9)], cells(3, 3).layout.places)
    assert order[0] in {0, 2, 6, 8}
    assert sorted(order.tolist()) == list(range(9))
