"""Exact greedy search, on functions of sets that a reader can work out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Ranking, SearchStrategy
from eagle_mllm.attribution.search.greedy import GreedySearch

INSIGHT = Objective(necessity=0.0)


def line(n_regions):
    return Regions.from_labels(np.arange(n_regions)[np.newaxis])


def rank(scorer, n_regions, *, max_regions=None, objective=None):
    evaluate = SubsetEvaluator(scorer, n_regions)
    regions = line(n_regions)
    search = GreedySearch(max_regions=max_regions)
    return search.rank(regions.layout, evaluate, objective or Objective())


def test_the_heaviest_region_comes_first(weighted):
    ranking = rank(weighted([0.125, 0.5, 0.0, 0.25]), 4)
    assert ranking.order.tolist() == [1, 3, 0, 2]
    assert ranking.searched == 4


def test_equal_regions_come_in_order_of_index(weighted):
    assert rank(weighted([0.25, 0.25, 0.25]), 3).order.tolist() == [0, 1, 2]


def test_a_region_that_repeats_another_waits(set_function):
    # 0 and 1 tell the same; 2 tells little, but something new.
    values = {(): 0.0, (0,): 0.6, (1,): 0.5, (2,): 0.2}
    values |= {(0, 1): 0.6, (0, 2): 0.8, (1, 2): 0.7, (0, 1, 2): 0.8}
    scorer = set_function(lambda chosen: values[tuple(sorted(chosen))])
    assert rank(scorer, 3, objective=INSIGHT).order.tolist() == [0, 2, 1]


def test_necessity_sees_what_insight_cannot(set_function):
    # Regions 1 and 2 count only together: alone neither helps, but without one both are lost.
    scorer = set_function(lambda chosen: float({1, 2} <= chosen))
    assert rank(scorer, 4, objective=INSIGHT).order[0] == 0
    assert set(rank(scorer, 4).order[:2].tolist()) == {1, 2}


def test_a_harmful_region_comes_last(set_function):
    scorer = set_function(lambda chosen: 0.5 + 0.25 * (1 in chosen) - 0.25 * (0 in chosen))
    assert rank(scorer, 3).order.tolist() == [1, 2, 0]


def test_the_rest_is_ranked_by_the_last_scan(weighted):
    ranking = rank(weighted([0.125, 0.25, 0.0, 0.5, 0.125]), 5, max_regions=1)
    assert ranking.order.tolist() == [3, 1, 0, 4, 2]  # 0 and 4 are equal
    assert ranking.searched == 1


@given(
    values=st.lists(st.floats(0, 1, width=16), min_size=64, max_size=64),
    n_regions=st.integers(1, 6),
    picks=st.integers(1, 8),
)
def test_stopping_early_changes_no_pick(values, n_regions, picks, set_function):
    scorer = set_function(lambda chosen: values[sum(2**region for region in chosen)])
    full = rank(scorer, n_regions)
    short = rank(scorer, n_regions, max_regions=picks)
    assert short.searched == min(picks, n_regions)
    assert short.order[: short.searched].tolist() == full.order[: short.searched].tolist()
    assert sorted(short.order.tolist()) == list(range(n_regions))


@given(data=st.data(), new_name=st.permutations(range(6)))
def test_relabelling_regions_permutes_the_order(data, new_name, set_function):
    values = data.draw(st.lists(st.integers(0, 2**20), min_size=64, max_size=64, unique=True))
    # λ2 = 0, so that different values of the set function are never a tie.
    before = rank(set_function(lambda chosen: _value(values, chosen)), 6, objective=INSIGHT)
    old_name = np.argsort(new_name).tolist()
    after = rank(
        set_function(lambda chosen: _value(values, {old_name[region] for region in chosen})),
        6,
        objective=INSIGHT,
    )
    assert after.order.tolist() == [new_name[region] for region in before.order]


def _value(values, chosen):
    return values[sum(2**region for region in chosen)] / 2**20


@pytest.mark.parametrize("max_regions", [None, 1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("n_regions", [1, 2, 3, 4, 5, 6])
def test_the_planned_passes_are_what_search_and_trace_cost(
    n_regions, max_regions, lookup, explain, rng
):
    search = GreedySearch(max_regions=max_regions)
    _, passes = explain(search, line(n_regions), lookup(n_regions, rng))
    assert passes == search.planned_passes(n_regions)


def test_64_regions_cost_4156_passes():
    assert GreedySearch().planned_passes(64) == 64 * 65 - 4 == 4156


@pytest.mark.parametrize(("budget", "picks"), [(4156, 64), (4155, 61), (254, 1), (252, 1)])
def test_a_budget_pays_for_as_many_picks_as_it_can(budget, picks, weighted):
    search = GreedySearch(budget=budget)
    scorer = weighted(np.linspace(0, 1 / 64, 64))
    assert search.rank(line(64).layout, SubsetEvaluator(scorer, 64), Objective()).searched == picks


def test_a_search_for_no_region_is_refused():
    with pytest.raises(ValueError, match="at least 1 or None; got 0"):
        GreedySearch(max_regions=0)


def test_a_strategy_without_settings_is_recorded_by_name():
    class Backwards(SearchStrategy):
        name = "backwards"

        def rank(self, regions, evaluate, objective):
            return Ranking(order=np.arange(len(regions))[::-1], searched=0)

        def planned_passes(self, n_regions):
            return 2 * n_regions

    assert Backwards().settings == {"name": "backwards"}


def test_name_and_settings_are_recorded():
    assert GreedySearch(max_regions=5).settings == {
        "name": "greedy",
        "max_regions": 5,
        "budget": None,
    }
