"""A search that is told that it has enough: the best order so far, whole and marked."""

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.search.registry import SEARCHES
from eagle_mllm.report.facts import notes_of
from eagle_mllm.report.summary import summary

CELLS = eagle.Regions.from_labels(np.arange(36).reshape(6, 6).repeat(4, 0).repeat(4, 1))


@pytest.fixture
def asked():
    evidence = eagle.testing.Evidence(boxes=[(16, 16, 24, 20)])
    model = eagle.testing.PlantedModel("a cat on it", {"cat": evidence, "it": evidence})
    generation = model.generate(np.zeros((24, 24, 3), np.uint8), "What is this?")
    return {"model": model, "generation": generation, "regions": CELLS}


def after(passes):
    """An `on_pass` that has enough after so many images."""

    def on_pass(done):
        if done >= passes:
            raise eagle.Enough

    return on_pass


@pytest.mark.parametrize("search", [make() for make in SEARCHES.values()], ids=lambda one: one.name)
@pytest.mark.parametrize("passes", [1, 60, 100])
def test_the_result_is_whole_and_says_that_it_ended_early(asked, search, passes):
    target = asked["generation"].find("cat")
    method = eagle.Eagle(search=search)
    found = eagle.attribute(**asked, target=target, method=method, on_pass=after(passes))
    assert sorted(found.trace.order.tolist()) == list(range(36))
    assert found.trace.insertion.shape == (37, 1)
    assert found.provenance["settings"]["ended_early"] is True
    assert found.ended_early
    assert "the search was ended early" in " ".join(notes_of(found))
    assert summary([found], files={}).explanations[0].ended_early
    whole = eagle.attribute(**asked, target=target, method=method)
    assert found.forward_passes < whole.forward_passes
    assert "ended_early" not in whole.provenance["settings"]
    assert not whole.ended_early


def test_a_later_end_is_never_worse_and_the_last_order_is_the_result(asked):
    target = asked["generation"].find("cat")
    gaps = [
        eagle.metrics.faithfulness_gap(
            eagle.attribute(**asked, target=target, on_pass=after(passes)).trace
        )
        for passes in (1, 60, 120, 10**9)
    ]
    assert gaps[-1] > gaps[0]
    told = []
    whole = eagle.attribute(
        **asked, target=target, on_progress=lambda order, passes: told.append((order, passes))
    )
    assert told[-1][0].tolist() == whole.trace.order.tolist()
    assert [passes for _, passes in told] == sorted(passes for _, passes in told)
    assert len(told) > 3


def test_of_several_targets_those_that_were_ready_are_not_marked(asked):
    targets = [asked["generation"].find(word) for word in ("cat", "it")]
    first = eagle.attribute_each(**asked, targets=targets)[0].forward_passes
    found = eagle.attribute_each(**asked, targets=targets, on_pass=after(first + 1))
    marks = ["ended_early" in one.provenance["settings"] for one in found]
    assert marks in ([False, True], [False, False])  # the second may cost nothing
    both = eagle.attribute_each(**asked, targets=targets, on_pass=after(1))
    assert all(one.provenance["settings"]["ended_early"] for one in both)


def test_a_method_without_a_search_goes_on(asked):
    target = asked["generation"].find("cat")
    method = eagle.baselines.SingleScan()
    found = eagle.attribute(**asked, target=target, method=method, on_pass=after(1))
    whole = eagle.attribute(**asked, target=target, method=method)
    assert found.trace.order.tolist() == whole.trace.order.tolist()
    assert "ended_early" not in found.provenance["settings"]


def test_a_time_limit_ends_a_search_that_takes_longer(asked, monkeypatch):
    seconds = iter(range(100))
    monkeypatch.setattr("eagle_mllm.attribution.ending.monotonic", lambda: next(seconds))
    limit = eagle.time_limit(3.0)
    limit(8)
    limit(16)
    with pytest.raises(eagle.Enough):
        limit(24)
