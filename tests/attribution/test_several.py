"""Several targets of one answer, for less than their explanations cost one by one."""

from dataclasses import replace

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.several import compatible, expected_passes, union
from eagle_mllm.errors import RegionError, TargetError

EXACT = eagle.Eagle(search=eagle.GreedySearch())


@pytest.fixture
def words(generation):
    """The cat, the tree, and the two with what stands between them."""
    return [generation.find("cat"), generation.find("tree"), generation.span("cat on a tree")]


@pytest.fixture(scope="module")
def garden():
    """Three words, each with evidence of several cells in a corner of 8 x 8 cells of 4 pixels."""
    from eagle_mllm.testing import Evidence, PlantedModel

    model = PlantedModel(
        "sun over lake",
        {
            "sun": Evidence(boxes=[(0, 0, 4, 4), (4, 0, 8, 4)], rule="all", base=0.1),
            "over": Evidence(boxes=[(0, 0, 4, 4), (20, 20, 24, 24)], rule="all", base=0.3),
            "lake": Evidence(boxes=[(20, 20, 28, 24), (20, 24, 28, 28)], rule="all", base=0.2),
        },
    )
    cells = np.arange(64).reshape(8, 8).repeat(4, axis=0).repeat(4, axis=1)
    generation = model.generate(np.zeros((32, 32, 3), np.uint8), "What is this?")
    targets = [generation.find(word) for word in ("sun", "over", "lake")]
    return model, generation, targets, eagle.Regions.from_labels(cells)


@pytest.fixture(scope="module")
def shared(garden):
    """The words of the garden, explained together."""
    model, generation, targets, regions = garden
    return eagle.attribute_each(model, generation, targets, regions=regions)


@pytest.fixture(scope="module")
def apart(garden):
    """The words of the garden, each explained by itself with the search that several get."""
    model, generation, targets, regions = garden
    method = eagle.Eagle(search=eagle.MultilevelSearch(least_gain=0.005))
    return [
        eagle.attribute(model, generation, one, regions=regions, method=method) for one in targets
    ]


def without_cost(attribution):
    return replace(attribution, forward_passes=0, seconds=0.0)


@pytest.mark.parametrize("search", [eagle.GreedySearch(), eagle.WindowedGreedySearch()])
def test_with_another_search_only_the_memory_is_shared(search, model, generation, words, regions):
    method = eagle.Eagle(search=search, fill="blur")
    asked = {"method": method, "regions": regions}
    together = eagle.attribute_each(model, generation, words, **asked)
    apart = [eagle.attribute(model, generation, target, **asked) for target in words]
    assert [without_cost(one) for one in together] == [without_cost(one) for one in apart]
    assert sum(one.forward_passes for one in together) < sum(one.forward_passes for one in apart)


def test_the_passes_of_all_are_those_that_were_scored(model, generation, words, regions):
    told = []
    found = eagle.attribute_each(
        model, generation, words, method=EXACT, regions=regions, on_pass=told.append
    )
    assert sum(one.forward_passes for one in found) == told[-1] <= 2**6
    assert found[0].forward_passes == EXACT.search.planned_passes(6)
    assert told == sorted(told)
    seconds = [one.seconds / one.forward_passes for one in found if one.forward_passes]
    np.testing.assert_allclose(seconds, seconds[0])


def test_words_explained_together_have_the_results_of_each_alone_and_cost_less(shared, apart):
    assert [without_cost(one) for one in shared] == [without_cost(one) for one in apart]
    passes = [sum(one.forward_passes for one in found) for found in (shared, apart)]
    assert passes[0] < 0.9 * passes[1]


def test_it_does_not_matter_in_which_order_words_are_asked(garden):
    model, generation, targets, regions = garden
    found, turned = (
        eagle.attribute_each(model, generation, asked, regions=regions)
        for asked in (targets, targets[::-1])
    )
    assert sum(one.forward_passes for one in found) == sum(one.forward_passes for one in turned)
    assert [without_cost(one) for one in found] == [without_cost(one) for one in turned[::-1]]


def test_the_evidence_of_each_word_comes_first(shared):
    evidence = [{0, 1}, {0, 45}, {45, 46, 53, 54}]
    for found, cells in zip(shared, evidence, strict=True):
        assert set(found.trace.order[: len(cells)].tolist()) == cells


def test_no_target_adds_more_passes_than_the_budget_of_its_search(garden):
    model, generation, targets, regions = garden
    method = eagle.Eagle(search=eagle.MultilevelSearch(budget=200))
    found = eagle.attribute_each(model, generation, targets, method=method, regions=regions)
    assert max(one.forward_passes for one in found) <= 200


def test_several_targets_are_searched_thriftily_unless_the_search_says_how(
    model, generation, words, regions
):
    def least_gain(search, targets):
        found = eagle.attribute_each(
            model, generation, targets, method=eagle.Eagle(search=search), regions=regions
        )
        return {one.provenance["settings"]["search"]["least_gain"] for one in found}

    assert least_gain(eagle.MultilevelSearch(), words) == {0.005}
    assert least_gain(eagle.MultilevelSearch(least_gain=0.1), words) == {0.1}
    assert least_gain(eagle.MultilevelSearch(), words[:1]) == {0.0}


def test_a_single_target_is_explained_as_ever(model, generation, regions, attribution):
    (found,) = eagle.attribute_each(model, generation, [generation.find("cat")], regions=regions)
    assert replace(found, seconds=attribution.seconds) == attribution


def test_no_targets_have_no_explanations(model, generation, regions):
    assert eagle.attribute_each(model, generation, [], regions=regions) == ()


def test_a_counterfactual_is_explained_beside_the_word_in_whose_place_it_stands(
    model, generation, regions
):
    told = []
    cat, tree = generation.find("cat"), generation.find("tree")
    dog = generation.counterfactual("dog", replacing="cat")
    found = eagle.attribute_each(
        model, generation, [cat, dog, tree], method=EXACT, regions=regions, on_pass=told.append
    )
    assert [one.target for one in found] == [cat, dog, tree]
    alone = eagle.attribute(model, generation, dog, method=EXACT, regions=regions)
    assert without_cost(found[1]) == without_cost(alone)
    assert found[1].forward_passes == alone.forward_passes
    assert sum(one.forward_passes for one in found) == told[-1]
    assert told == sorted(told)


def test_targets_join_the_first_union_that_asks_nothing_else_at_their_positions():
    def target(**ids):
        positions = tuple(int(name[1:]) for name in ids)
        return Target(positions=positions, ids=tuple(ids.values()), text="…")

    targets = [target(t1=5), target(t1=6), target(t0=4, t1=5), target(t1=6, t3=7)]
    groups = compatible(targets)
    assert groups == [[0, 2], [1, 3]]
    unions = [union([targets[member] for member in members]) for members in groups]
    assert [(one.positions, one.ids) for one in unions] == [((0, 1), (4, 5)), ((1, 3), (6, 7))]


def test_every_target_is_checked_before_anything_is_scored(model, generation, words, regions):
    told = []
    beyond = Target(positions=(6,), ids=(3,), text="?")
    with pytest.raises(TargetError, match=r"lies at \(6,\), the answer has 6 tokens"):
        eagle.attribute_each(
            model, generation, [*words, beyond], regions=regions, on_pass=told.append
        )
    other = eagle.Regions.from_labels(np.arange(24).reshape(4, 6))
    with pytest.raises(RegionError, match=r"shape \(4, 6\), the image \(16, 24\)"):
        eagle.attribute_each(model, generation, words, regions=other, on_pass=told.append)
    assert told == []


def test_without_regions_the_image_is_segmented(model, generation, words):
    found = eagle.attribute_each(model, generation, words, n_regions=4)
    assert {one.regions.asked for one in found} == {4}


def test_several_words_are_expected_to_cost_less_than_their_number():
    default = eagle.Eagle()
    assert expected_passes(default, 64, n_targets=1) == default.search.planned_passes(64)
    assert expected_passes(default, 64, n_targets=2) == 2 * 7 * 64
    assert expected_passes(EXACT, 64, n_targets=2) == 2 * EXACT.search.planned_passes(64)


def test_the_words_of_a_real_model_share_passes_and_keep_their_orders():
    model = eagle.load_model("demo/llava", device="cpu", dtype="float32", batch_size=16)
    scene = eagle.scenes.scene(5)
    generation = model.with_answer(scene.image, "Describe the image.", scene.caption)
    regions = eagle.segment(generation.image, method="grid", n_regions=4)
    content = [word for word in scene.caption.strip(".").split() if len(word) > 2]
    targets = [generation.find(word) for word in content[:2]]
    asked = {"method": EXACT, "regions": regions}
    together = eagle.attribute_each(model, generation, targets, **asked)
    apart = [eagle.attribute(model, generation, target, **asked) for target in targets]
    for one, other in zip(together, apart, strict=True):
        assert one.trace.order.tolist() == other.trace.order.tolist()
        # The answer is cut after the last target, and sums of other lengths round differently.
        np.testing.assert_allclose(one.trace.insertion, other.trace.insertion, atol=1e-5)
        np.testing.assert_allclose(one.trace.deletion, other.trace.deletion, atol=1e-5)
    assert sum(one.forward_passes for one in together) <= 2**4
