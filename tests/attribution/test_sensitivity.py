"""A search for the tokens that need the image, by hand on a planted model."""

from dataclasses import replace

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.saliency import region_saliency
from eagle_mllm.attribution.sensitivity import sensitive_of
from eagle_mllm.errors import ResultError, SettingError
from eagle_mllm.testing import Evidence, PlantedModel


def explained(model, generation, target, regions, **settings):
    method = eagle.Eagle(search=eagle.GreedySearch(), **settings)
    return eagle.attribute(model, generation, target, method=method, regions=regions)


def test_sensitive_is_what_the_image_adds_more_than_the_threshold_to():
    whole, empty = np.array([0.9, 0.5, 0.3, 0.1]), np.array([0.1, 0.25, 0.2, 0.8])
    assert sensitive_of(whole, empty, threshold=0.25).tolist() == [0]
    assert sensitive_of(whole, empty, threshold=0.09).tolist() == [0, 1, 2]


def test_the_order_and_the_map_are_those_of_the_sensitive_tokens(model, generation, regions):
    # "a", "on" and "a" are certain; "cat" rises from 0.1 to 1, "tree" from 0.2 to 1.
    found = explained(model, generation, generation.all(), regions, sensitive=0.85)
    cat = explained(model, generation, generation.find("cat"), regions)
    assert found.sensitive == (1,)
    assert found.trace.order.tolist() == cat.trace.order.tolist()
    np.testing.assert_array_equal(found.saliency, cat.saliency)


def test_the_trace_and_its_measures_are_of_the_whole_target(model, generation, regions):
    found = explained(model, generation, generation.all(), regions, sensitive=0.2)
    assert found.sensitive == (1, 4)
    assert found.trace.n_tokens == len(found.target) == 5
    assert found.reliance.evidence.shape == (5,)


def test_the_map_follows_from_trace_objective_and_tokens(model, generation, regions):
    found = explained(
        model,
        generation,
        generation.all(),
        regions,
        sensitive=0.2,
        objective=Objective(scale="log-probability"),
    )
    values = region_saliency(found.trace, found.objective, tokens=found.sensitive)
    np.testing.assert_array_equal(found.saliency[::8, ::8].ravel(), values.astype(np.float32))


def test_asking_which_tokens_are_sensitive_costs_nothing_that_the_trace_does_not(
    model, generation, regions
):
    plain, found = (
        explained(model, generation, generation.find("cat"), regions, sensitive=threshold)
        for threshold in (None, 0.2)
    )
    assert found.forward_passes == plain.forward_passes


@pytest.mark.parametrize("words", ["none", "all"])
def test_where_none_or_all_are_sensitive_the_search_is_about_all(image, regions, words):
    seen = Evidence(boxes=[(0, 0, 8, 8)], base=0.1)
    model = PlantedModel("a cat", {"a": seen, "cat": seen} if words == "all" else {})
    generation = model.generate(image, "What is it?")
    plain, found = (
        explained(model, generation, generation.all(), regions, sensitive=threshold)
        for threshold in (None, 0.2)
    )
    assert found.sensitive == ()
    assert found.trace == plain.trace
    np.testing.assert_array_equal(found.saliency, plain.saliency)


def test_what_was_chosen_is_recorded(model, generation, regions, tmp_path):
    found = explained(
        model,
        generation,
        generation.all(),
        regions,
        sensitive=0.2,
        objective=Objective(scale="log-probability"),
    )
    assert found.provenance["settings"]["sensitive"] == 0.2
    assert found.provenance["settings"]["objective"]["scale"] == "log-probability"
    eagle.save(found, tmp_path / "found.npz")
    assert eagle.load(tmp_path / "found.npz") == found


@pytest.mark.parametrize("tokens", [(1, 0), (0, 0), (5,), (-1,)])
def test_a_result_refuses_tokens_that_its_target_lacks(model, generation, regions, tokens):
    found = explained(model, generation, generation.all(), regions)
    with pytest.raises(ResultError, match="rising indices into the 5 tokens"):
        replace(found, sensitive=tokens)


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_a_threshold_is_a_probability_that_can_be_exceeded(threshold):
    with pytest.raises(SettingError, match="sensitive must be from 0 to below 1"):
        eagle.Eagle(sensitive=threshold)


def test_several_targets_share_a_memory_with_it_too(model, generation, regions):
    whole, cat = eagle.attribute_each(
        model,
        generation,
        [generation.all(), generation.find("cat")],
        regions=regions,
        method=eagle.Eagle(sensitive=0.2),
    )
    assert (whole.sensitive, cat.sensitive) == ((1, 4), ())
