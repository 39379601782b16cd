"""Coarse to fine and back: what greedy cannot see, and what a budget buys."""

import numpy as np
import pytest

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.attribution.search.multilevel import MultilevelSearch


def total(trace):
    """Σ_r F(π_:r), what Eq. 1 seeks."""
    return float((trace.insertion + 1 - trace.deletion).sum())


def test_evidence_that_counts_only_together_is_found_where_greedy_is_blind(
    cells, set_function, explain
):
    # A square of four regions in the far corner. Either row of it is enough, and one region of a
    # row says nothing: adding or hiding any single region changes nothing.
    upper, lower = {22, 23}, {30, 31}
    scorer = set_function(lambda chosen: float(upper <= chosen or lower <= chosen))
    greedy, _ = explain(GreedySearch(), cells(4, 8), scorer)
    ours, passes = explain(MultilevelSearch(), cells(4, 8), scorer)
    assert set(ours.order[:4].tolist()) == upper | lower
    assert greedy.insertion[4, 0] == 0
    assert total(ours) > total(greedy)
    assert passes < GreedySearch().planned_passes(32)


def test_more_budget_never_gives_a_worse_order_of_regions(cells, set_function, explain, rng):
    weights = rng.normal(size=25)
    scorer = set_function(
        lambda chosen: float(1 / (1 + np.exp(-sum(weights[region] for region in chosen))))
    )
    found = [
        total(explain(MultilevelSearch(budget=budget), cells(5, 5), scorer)[0])
        for budget in (400, 600, 900, 2000)
    ]
    assert found == sorted(found)


def test_a_budget_for_the_trace_alone_still_gives_neighbours(cells, lookup, explain, rng):
    trace, passes = explain(MultilevelSearch(budget=16), cells(2, 4), lookup(8, rng))
    assert passes == 16
    places = cells(2, 4).centroids[trace.order]
    for number in range(1, 8):  # each touches one that is shown before
        assert np.abs(places[:number] - places[number]).sum(axis=1).min() == 1


def test_seeds_cut_in_different_places(cells, lookup, explain, rng):
    scorer = lookup(16, rng)
    orders = {
        tuple(explain(MultilevelSearch(seed=seed, budget=900), cells(4, 4), scorer)[0].order)
        for seed in range(4)
    }
    assert len(orders) > 1


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must not be negative"):
        MultilevelSearch(seed=-1)


def test_64_regions_cost_800_passes_unless_asked_otherwise():
    assert MultilevelSearch().planned_passes(64) == 800
    assert MultilevelSearch().planned_passes(9) == GreedySearch().planned_passes(9)
    assert MultilevelSearch(budget=950).planned_passes(64) == 950


def test_a_search_with_a_least_gain_ends_where_it_gains_too_little(cells, set_function, explain):
    # A pair of regions decides at once; that the others add a little takes long to sort out.
    weights = np.random.default_rng(3).random(64) * 1e-4
    scorer = set_function(
        lambda chosen: 0.9 * ({27, 36} <= chosen) + sum(weights[region] for region in chosen)
    )
    thrifty, few = explain(MultilevelSearch(least_gain=0.01), cells(8, 8), scorer)
    thorough, many = explain(MultilevelSearch(), cells(8, 8), scorer)
    assert few <= 9 * 64 < many
    assert set(thrifty.order[:2].tolist()) == {27, 36}
    assert 0 <= total(thorough) - total(thrifty) < 0.01 * 2 * 65


def test_a_tiny_least_gain_still_keeps_to_the_budget(cells, lookup, explain, rng):
    _, passes = explain(MultilevelSearch(least_gain=1e-9, budget=700), cells(4, 4), lookup(16, rng))
    assert 6 * 16 < passes <= 700


@pytest.mark.parametrize("least_gain", [-0.1, 1.0, np.nan])
def test_a_least_gain_that_is_no_share_is_refused(least_gain):
    with pytest.raises(ValueError, match="least_gain must be from 0 to below 1"):
        MultilevelSearch(least_gain=least_gain)


def test_a_known_order_is_taken_over_where_nothing_could_be_gained(cells, set_function):
    asked = []

    def hardly_moved(chosen):
        asked.append(chosen)
        return 0.5 + 0.001 * (3 in chosen)

    evaluate = SubsetEvaluator(set_function(hardly_moved), 16)
    known, layout = [np.arange(16)[::-1], np.arange(16)], cells(4, 4).layout
    *_, found = MultilevelSearch(least_gain=0.005).rankings(
        layout, evaluate, Objective(), known=known
    )
    assert found.order.tolist() == list(range(16))  # of the two, the one that has 3 earlier
    assert len(set(asked)) == 2 * 16  # the prefixes of either are what the other leaves


def test_an_order_along_which_nothing_moves_is_not_taken_over_where_another_shows_more(
    cells, set_function
):
    # As likely without the image as with it: 15 contradicts, where neither 0 nor 1 is shown.
    scorer = set_function(lambda chosen: float(15 not in chosen or not {0, 1}.isdisjoint(chosen)))
    still, shows_once = np.array([0, *range(2, 16), 1]), np.array([*range(2, 15), 0, 1, 15])
    *_, found = MultilevelSearch(least_gain=0.005).rankings(
        cells(4, 4).layout, SubsetEvaluator(scorer, 16), Objective(), known=[still, shows_once]
    )
    assert set(found.order[:2].tolist()) == {0, 1}


def test_a_known_order_is_taken_over_where_it_is_better(cells, set_function):
    # No search finds four regions far apart that count only together.
    needed = [0, 7, 33, 54]
    scorer = set_function(lambda chosen: float(set(needed) <= chosen))
    best = np.array([*needed, *(region for region in range(64) if region not in needed)])
    layout, evaluate = cells(8, 8).layout, SubsetEvaluator(scorer, 64)
    thrifty = MultilevelSearch(least_gain=0.005)
    ask = {"layout": layout, "evaluate": evaluate, "objective": Objective()}
    *_, found = thrifty.rankings(**ask, known=[best])
    assert found.order.tolist() == best.tolist()
    assert thrifty.rank(**ask).order.tolist() != best.tolist()
    *_, thorough = MultilevelSearch(budget=200).rankings(**ask, known=[best])
    assert thorough.order.tolist() != best.tolist()


def test_no_ranking_is_worse_than_the_best_known_order(cells, lookup, rng):
    layout, evaluate = cells(4, 4).layout, SubsetEvaluator(lookup(16, rng), 16)
    known = [MultilevelSearch(budget=200).rank(layout, evaluate, Objective()).order]

    def mean_f(order):
        prefixes = np.array([np.isin(np.arange(16), order[:size]) for size in range(17)])
        shown, hidden = evaluate(prefixes), evaluate(~prefixes)
        return float((1 + shown.probability - hidden.probability).mean())

    thrifty = MultilevelSearch(least_gain=0.005)
    found = list(thrifty.rankings(layout, evaluate, Objective(), known=known))
    assert min(mean_f(one.order) for one in found) >= mean_f(known[0]) - 1e-6
    assert len(found) == 2
