"""What every search promises."""

import math

import numpy as np
import pytest

from eagle_mllm.attribution.search.registry import SEARCHES, make_search
from eagle_mllm.errors import SettingError

ALL = pytest.mark.parametrize("name", SEARCHES)


@ALL
@pytest.mark.parametrize("n_regions", [1, 2, 3, 5, 9])
def test_every_region_stands_once_in_the_order(name, n_regions, cells, lookup, explain, rng):
    trace, _ = explain(make_search(name), cells(1, n_regions), lookup(n_regions, rng))
    assert sorted(trace.order.tolist()) == list(range(n_regions))
    assert 0 < trace.searched <= n_regions


@ALL
def test_the_same_search_finds_the_same_order_again(name, cells, lookup, explain, rng):
    scorer = lookup(12, rng)
    (first, _), (second, _) = (explain(make_search(name), cells(3, 4), scorer) for _ in range(2))
    assert first.order.tolist() == second.order.tolist()


@ALL
@pytest.mark.parametrize("budget", [44, 50, 60, 100, 140, 200, 1000])
def test_no_more_is_scored_than_planned_nor_than_the_budget(
    name, budget, cells, lookup, explain, rng
):
    search = make_search(name, {"budget": budget})
    _, passes = explain(search, cells(3, 4), lookup(12, rng))
    assert passes <= search.planned_passes(12) <= budget


@ALL
def test_without_a_budget_no_more_is_scored_than_planned(name, cells, lookup, explain, rng):
    search = make_search(name)
    _, passes = explain(search, cells(3, 4), lookup(12, rng))
    assert passes <= search.planned_passes(12)


@ALL
def test_planted_evidence_is_found_first(name, cells, set_function, explain):
    scorer = set_function(lambda chosen: 0.1 + 0.3 * len(chosen & {5, 6, 10}))
    trace, _ = explain(make_search(name), cells(4, 4), scorer)
    assert set(trace.order[:3].tolist()) == {5, 6, 10}


@ALL
def test_a_budget_of_nothing_is_refused(name):
    with pytest.raises(SettingError, match="budget must be at least 1"):
        make_search(name, {"budget": 0})


@ALL
@pytest.mark.parametrize("value", [1.5, 64.0, math.nan, math.inf, True, "64"])
def test_a_budget_that_is_no_whole_number_is_refused(name, value, as_users_run_it):
    with pytest.raises(SettingError, match="budget must be a whole number, at least 1 or None"):
        make_search(name, {"budget": value})


@ALL
def test_the_least_possible_budget_is_told_and_kept_to(name, cells, lookup, explain, rng):
    least = 4 * 12 - 4 if name == "greedy" else 2 * 12  # a scan and a trace, or a trace
    too_small, enough = (make_search(name, {"budget": budget}) for budget in (least - 1, least))
    told = f"budget of {least - 1} images is too small for 12 regions; give at least {least}, "
    scorer = lookup(12, rng)
    with pytest.raises(SettingError, match=told):
        too_small.planned_passes(12)
    with pytest.raises(SettingError, match=told):
        explain(too_small, cells(3, 4), scorer)
    _, passes = explain(enough, cells(3, 4), scorer)
    assert passes <= enough.planned_passes(12) <= least


def test_an_unknown_search_is_refused_with_the_nearest_name():
    with pytest.raises(SettingError, match="did you mean 'greedy'"):
        make_search("gredy")


def test_an_unknown_setting_is_refused_with_the_nearest_name():
    with pytest.raises(SettingError, match="did you mean 'max_regions'"):
        make_search("greedy", {"max_region": 3})


@ALL
def test_the_name_is_the_key_of_the_registry(name):
    assert make_search(name).name == name
    assert make_search(name).settings["name"] == name


@ALL
def test_every_setting_has_a_default_that_survives_json(name):
    settings = make_search(name).settings
    settings.pop("name")
    assert make_search(name, settings) == make_search(name)
    assert all(isinstance(value, int | float | None) for value in settings.values())


@ALL
def test_regions_that_say_nothing_cost_no_more_than_others(name, cells, set_function, explain):
    trace, passes = explain(make_search(name), cells(3, 3), set_function(lambda _: 0.5))
    assert np.ptp(trace.insertion) == 0
    assert passes <= make_search(name).planned_passes(9)
