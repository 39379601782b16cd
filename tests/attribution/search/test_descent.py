"""Local search: what a round of moves does to an order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.budget import ObjectiveValues
from eagle_mllm.attribution.search.descent import (
    Move,
    _best_moves,
    _gains,
    area_under,
    prefixes,
    settle,
)

INSIGHT = Objective(necessity=0.0)
NO_LIMIT = 10**9


def singles(order):
    return [np.array([region]) for region in order]


def values_of(scorer, n_regions, objective=INSIGHT):
    return ObjectiveValues(SubsetEvaluator(scorer, n_regions), objective)


def test_prefixes_show_the_first_blocks():
    shown = prefixes([np.array([2, 0]), np.array([1])], 3)
    assert shown.astype(int).tolist() == [[0, 0, 0], [1, 0, 1], [1, 1, 1]]


def test_additive_values_are_sorted(set_function):
    weights = [0.05, 0.3, 0.1, 0.35, 0.2]
    scorer = set_function(lambda chosen: min(1.0, sum(weights[region] for region in chosen)))
    found = settle(singles(range(5)), values_of(scorer, 5), reach=1, n_regions=5, limit=NO_LIMIT)
    assert found == [3, 1, 4, 2, 0]


def test_a_long_move_is_found_only_with_enough_reach(set_function):
    # Regions 0, 1 and 2 are worth something one after the other; 3 is worth most, but only first.
    chain = {(0,): 0.3, (0, 1): 0.4, (0, 1, 2): 0.5, (3,): 0.9, (0, 1, 2, 3): 0.6}
    scorer = set_function(
        lambda chosen: chain.get(tuple(sorted(chosen)), 0.35 if 3 in chosen else 0.0)
    )
    order, values = singles([0, 1, 2, 3]), values_of(scorer, 4)
    near = settle(order, values, reach=2, n_regions=4, limit=NO_LIMIT)
    far = settle(order, values, reach=3, n_regions=4, limit=NO_LIMIT)
    assert near == [0, 1, 2, 3]
    assert far[0] == 3


def test_settling_never_lowers_the_sum_of_f(lookup, rng):
    scorer = lookup(7, rng)
    values = values_of(scorer, 7, Objective())
    order = singles(rng.permutation(7))
    before = values(prefixes(order, 7)[1:-1]).sum()
    found = settle(order, values, reach=3, n_regions=7, limit=NO_LIMIT)
    after = values(prefixes([order[place] for place in found], 7)[1:-1])
    assert after.sum() > before


def test_blocks_move_as_one(set_function):
    scorer = set_function(lambda chosen: float({2, 3} <= chosen))
    blocks = [np.array([0, 1]), np.array([2, 3])]
    found = settle(blocks, values_of(scorer, 4), reach=1, n_regions=4, limit=NO_LIMIT)
    assert found == [1, 0]


def test_a_large_block_must_raise_f_more_than_a_small_one(set_function):
    # 0.5 for three regions is less for each of them than 0.3 for one.
    scorer = set_function(lambda chosen: 0.5 * ({0, 1, 2} <= chosen) + 0.3 * (3 in chosen))
    blocks = [np.array([0, 1, 2]), np.array([3])]
    assert settle(blocks, values_of(scorer, 4), reach=1, n_regions=4, limit=NO_LIMIT) == [1, 0]


def test_the_area_under_f_is_that_of_trapezia():
    # Two regions from 0 to 0.5 and one from 0.5 to 1.
    assert area_under(np.array([0, 0.5, 1]), np.array([2, 1])) == 0.5 + 0.75


def test_what_a_move_gains_is_the_difference_of_two_areas(lookup, rng):
    values = values_of(lookup(6, rng), 6)
    sizes = np.array([1, 2, 1, 2])
    tried = 0
    for order in (rng.permutation(6) for _ in range(20)):
        blocks = np.split(order, [1, 3, 4])
        whole = area_under(values(prefixes(blocks, 6)), sizes)
        for move in _gains(blocks, values, 3, n_regions=6, limit=NO_LIMIT):
            places = list(range(4))
            places.insert(move.stop, places.pop(move.start))
            moved = prefixes([blocks[place] for place in places], 6)
            after = area_under(values(moved), sizes[places])
            assert after - whole == pytest.approx(move.gain)
            tried += 1
    assert tried > 50


def test_the_limit_holds_even_in_the_middle_of_a_round(lookup, rng):
    for limit in range(4, 60, 7):
        values = values_of(lookup(8, rng), 8)
        settle(singles(range(8)), values, reach=3, n_regions=8, limit=limit)
        assert values.spent <= limit


moves = st.lists(
    st.builds(Move, st.integers(0, 7), st.integers(0, 7), st.integers(1, 2**10).map(float)).filter(
        lambda move: move.start != move.stop
    ),
    max_size=5,
)


@given(moves)
def test_the_best_moves_are_those_of_an_exhaustive_search(candidates):
    def disjoint(chosen):
        spans = sorted((min(move[:2]), max(move[:2])) for move in chosen)
        return all(one[1] < other[0] for one, other in pairwise(spans))

    subsets = (
        [move for bit, move in enumerate(candidates) if chosen >> bit & 1]
        for chosen in range(2 ** len(candidates))
    )
    best = max(sum(move.gain for move in chosen) for chosen in subsets if disjoint(chosen))
    found = _best_moves(candidates)
    assert disjoint(found)
    assert sum(move.gain for move in found) == best
