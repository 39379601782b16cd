"""The reference's efficient search, by its published counts and on functions worked out by hand."""

import numpy as np
import pytest

from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.attribution.search.windowed import WindowedGreedySearch


@pytest.mark.parametrize(
    ("n_regions", "settings", "passes"),
    # Counted on the reference; theirs leaves out the empty and the whole image.
    [
        (36, (10, 8, 5), 656),
        (50, (10, 8, 5), 1012),
        (64, (10, 8, 5), 1412),
        (36, (8, 4, 10), 464),
        (50, (8, 4, 10), 692),
        (64, (8, 4, 10), 944),
    ],
)
def test_it_costs_what_the_reference_costs(n_regions, settings, passes):
    window, tail, rerank_every = settings
    search = WindowedGreedySearch(window=window, tail=tail, rerank_every=rerank_every)
    assert search.planned_passes(n_regions) == pytest.approx(passes, abs=2)


def test_with_everything_in_the_window_and_no_tail_it_is_greedy(cells, lookup, explain, rng):
    scorer = lookup(6, rng)
    wide = WindowedGreedySearch(window=6, rerank_every=1, tail=6)
    ours, _ = explain(wide, cells(2, 3), scorer)
    greedy, _ = explain(GreedySearch(), cells(2, 3), scorer)
    assert ours.order.tolist() == greedy.order.tolist()


def test_the_least_useful_region_goes_to_the_back(cells, set_function, explain):
    scorer = set_function(lambda chosen: 0.5 + 0.1 * (0 in chosen) - 0.4 * (4 in chosen))
    trace, _ = explain(WindowedGreedySearch(tail=2), cells(1, 6), scorer)
    assert trace.order[0] == 0
    assert trace.order[-1] == 4


def test_stopped_by_its_budget_it_says_how_far_it_came(cells, lookup, explain, rng):
    search = WindowedGreedySearch(window=3, tail=2, rerank_every=4, budget=60)
    trace, passes = explain(search, cells(3, 4), lookup(12, rng))
    assert passes <= 60
    assert 0 < trace.searched < 12


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="window must be at least 1; got 0"):
        WindowedGreedySearch(window=0)


def test_relabelled_regions_are_ranked_alike(cells, set_function, explain, rng):
    values, new_name = rng.random(2**8), rng.permutation(8)
    old_name = np.argsort(new_name)
    before, _ = explain(
        WindowedGreedySearch(window=3, tail=2),
        cells(1, 8),
        set_function(lambda chosen: values[sum(2**region for region in chosen)]),
    )
    after, _ = explain(
        WindowedGreedySearch(window=3, tail=2),
        cells(1, 8),
        set_function(lambda chosen: values[sum(2 ** int(old_name[region]) for region in chosen)]),
    )
    assert after.order.tolist() == new_name[before.order].tolist()
