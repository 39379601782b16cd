"""The method end to end, on a model whose evidence is planted."""

from dataclasses import replace

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Target
from eagle_mllm.errors import ModelError, RegionError, TargetError
from eagle_mllm.testing import Evidence, PlantedModel


def test_the_planted_regions_of_a_word_come_first(attribution):
    # Half of the cat is in region 4, a quarter in 3 and in 5; the rest are equal.
    assert attribution.trace.order[:3].tolist() == [4, 3, 5]
    assert attribution.trace.searched == 6


def test_the_map_of_a_word_by_hand(attribution):
    # F is 1, 1.45, 1.9 after regions 4, 3, 5 and stays: A is 0, −0.45, −0.9, −0.9, …
    expected = np.kron([[0, 0, 0], [0.5, 1, 0]], np.ones((8, 8)))
    np.testing.assert_allclose(attribution.saliency, expected, atol=1e-6)
    assert attribution.saliency.dtype == np.float32


def test_regions_that_count_only_together_come_first_together(model, generation, regions):
    found = eagle.attribute(model, generation, generation.find("tree"), regions=regions)
    assert set(found.trace.order[:2].tolist()) == {2, 5}
    assert found.trace.insertion[2, 0] == 1


def test_a_sentence_needs_the_regions_of_all_its_words(model, generation, regions):
    found = eagle.attribute(model, generation, generation.all(), regions=regions)
    assert set(found.trace.order[:3].tolist()) == {2, 4, 5}


def test_what_speaks_against_the_right_answer_comes_last(image, regions):
    lure = Evidence(boxes=[(0, 8, 8, 16)], base=0.1, peak=0.9, rival="No")
    model = PlantedModel("Yes", {"Yes": lure})
    generation = model.generate(image, "Is there a handbag in the image?")
    target = generation.counterfactual("No")
    found = eagle.attribute(model, generation, target, regions=regions)
    assert found.trace.order[-1] == 3
    np.testing.assert_allclose(found.trace.insertion[-2:, 0], [0.9, 0.1], rtol=1e-6)
    no, yes = target.ids[0], generation.ids[0]
    assert found.trace.insertion_predicted[-2:, 0].tolist() == [no, yes]


def test_without_regions_the_image_is_segmented(model, generation, monkeypatch, regions):
    from eagle_mllm.attribution import method

    asked = {}

    def segment(image, **settings):
        asked.update(settings, image=image)
        return regions

    monkeypatch.setattr(method, "segment", segment)
    found = eagle.attribute(model, generation, generation.find("cat"), n_regions=6)
    assert asked["n_regions"] == 6
    assert asked["image"] is generation.image
    assert found.regions == regions


def test_settings_change_the_search_and_are_recorded(model, generation, regions):
    method = eagle.Eagle(
        search=eagle.GreedySearch(max_regions=2),
        objective=eagle.Objective(insight=0.5),
        fill="blur",
    )
    target = generation.find("cat")
    found = eagle.attribute(model, generation, target, method=method, regions=regions)
    assert found.trace.searched == 2
    assert found.objective == eagle.Objective(insight=0.5)
    assert found.provenance["settings"] == {
        "method": "eagle",
        "objective": {"insight": 0.5, "necessity": 1.0, "scale": "probability"},
        "search": {"name": "greedy", "max_regions": 2, "budget": None},
        "fill": "blur",
        "batch_size": None,
    }
    assert found.provenance["model"]["id"] == "planted"


def test_the_fill_reaches_the_scorer(model, generation, regions, monkeypatch):
    fills = []
    bind = PlantedModel.scorer

    def scorer(self, *arguments, fill):
        fills.append(fill)
        return bind(self, *arguments, fill=fill)

    monkeypatch.setattr(PlantedModel, "scorer", scorer)
    target = generation.find("cat")
    eagle.attribute(model, generation, target, method=eagle.Eagle(fill="mean"), regions=regions)
    assert fills == ["mean"]


def test_passes_are_counted_as_planned_and_told(model, generation, regions):
    told = []
    found = eagle.attribute(
        model,
        generation,
        generation.find("cat"),
        regions=regions,
        method=eagle.Eagle(search=eagle.GreedySearch()),
        on_pass=told.append,
    )
    assert found.forward_passes == told[-1] == eagle.GreedySearch().planned_passes(6) == 38
    assert told == sorted(told)
    assert found.seconds > 0


def test_the_same_question_has_the_same_answer(model, generation, regions, attribution):
    again = eagle.attribute(model, generation, generation.find("cat"), regions=regions)
    assert replace(again, seconds=attribution.seconds) == attribution


def test_a_target_beyond_the_answer_is_refused(model, generation, regions):
    beyond = Target(positions=(6,), ids=(3,), text="?")
    with pytest.raises(TargetError, match=r"lies at \(6,\), the answer has 6 tokens"):
        eagle.attribute(model, generation, beyond, regions=regions)


def test_regions_of_another_image_are_refused(model, generation):
    other = eagle.Regions.from_labels(np.arange(24).reshape(4, 6))
    with pytest.raises(RegionError, match=r"shape \(4, 6\), the image \(16, 24\)"):
        eagle.attribute(model, generation, generation.find("cat"), regions=other)


def test_a_broken_model_is_named_before_a_result_is_made(image, regions):
    model = PlantedModel("a cat", {}, returns_nan=True)
    generation = model.generate(image, "")
    with pytest.raises(ModelError, match="returned nan"):
        eagle.attribute(model, generation, generation.all(), regions=regions)
