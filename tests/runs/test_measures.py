"""What is measured on each sample, by hand on planted models."""

import math
from dataclasses import replace

import numpy as np
import pytest

FAITHFULNESS = {"insertion_auc", "deletion_auc", "faithfulness_gap", "average_highest_score"}
EVERY = FAITHFULNESS | {"flat_map"}
SENSITIVE = {f"{name}_sensitive" for name in FAITHFULNESS}
POINTING = {"pointing_box", "pointing_mask", "pointing_box_any", "pointing_mask_any"}
RELEVANCE = {"relevance_mass", "relevance_rank", "evidence_recovered"}
CORRECTION = {"corrected_area", "corrected_within_10"}


def sample(task, **known):
    from eagle_mllm.datasets.sample import Sample, SceneImage

    return Sample(id="one", task=task, image=SceneImage(0), prompt="What is it?", **known)


def truth(box, mask):
    from eagle_mllm.attribution.rle import Rle
    from eagle_mllm.datasets.truth import ObjectTruth

    return ObjectTruth(box=box, segmentation=Rle.from_mask(mask))


@pytest.fixture
def measure():
    from eagle_mllm.runs.measures import measure

    return measure


@pytest.fixture
def sentence(model, generation, regions):
    """The whole planted answer "a cat on a tree", explained; only cat and tree need eyes."""
    from eagle_mllm.attribution.method import attribute

    return attribute(model, generation, generation.all(), regions=regions)


@pytest.fixture
def hallucination(image, regions):
    """A dog seen in region 2 alone, by a model that then says "Yes" instead of "No"."""
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.testing import Evidence, PlantedModel

    model = PlantedModel("Yes", {"Yes": Evidence(boxes=[(16, 0, 24, 8)], rival="No")})
    generation = model.generate(image, "Is there a dog?")
    return attribute(model, generation, generation.counterfactual("No"), regions=regions)


def test_a_map_is_flat_where_it_has_one_value_in_all_that_is_seen(measure, sentence):
    assert measure(sample("vqa"), sentence)["flat_map"] == 0
    for value in (0.0, 1.0):
        flat = replace(sentence, saliency=np.full_like(sentence.saliency, value))
        assert measure(sample("vqa"), flat)["flat_map"] == 1
    # The last region of the order is not seen, and its 0 no difference.
    last = int(sentence.trace.order[-1])
    half_seen = np.where(sentence.regions.mask([last]), 0, 1).astype(np.float32)
    flat = replace(sentence, saliency=half_seen, unseen=(last,))
    assert measure(sample("vqa"), flat)["flat_map"] == 1


@pytest.mark.parametrize("task", ["caption", "vqa"])
def test_a_sentence_is_measured_whole_and_on_its_sensitive_tokens(measure, sentence, task):
    from eagle_mllm import metrics

    measured = measure(sample(task), sentence)
    assert measured.keys() == EVERY | SENSITIVE
    trace = sentence.trace
    assert measured["insertion_auc"] == metrics.insertion_auc(trace)
    assert measured["deletion_auc"] == metrics.deletion_auc(trace)
    assert measured["average_highest_score"] == metrics.average_highest_score(trace)
    assert measured["insertion_auc_sensitive"] == metrics.insertion_auc(trace, tokens=[1, 4])
    assert measured["faithfulness_gap_sensitive"] == metrics.faithfulness_gap(trace, tokens=[1, 4])


def test_a_sentence_without_sensitive_tokens_has_missing_numbers(measure, image, regions):
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.testing import PlantedModel

    model = PlantedModel("so it is", {})
    generation = model.generate(image, "Is it?")
    told = attribute(model, generation, generation.all(), regions=regions)
    measured = measure(sample("vqa"), told)
    assert all(math.isnan(measured[name]) for name in SENSITIVE)
    assert measured["insertion_auc"] == pytest.approx(0.9)


def test_the_words_of_a_scene_are_told_apart_by_their_evidence(measure):
    """Evidence words are planted on an object, the others are habits: the AUROC is 1."""
    from eagle_mllm import metrics
    from eagle_mllm.attribution.method import Eagle, attribute
    from eagle_mllm.attribution.search.greedy import GreedySearch
    from eagle_mllm.attribution.segmentation import segment
    from eagle_mllm.datasets.sample import SceneRef
    from eagle_mllm.scenes import scene
    from eagle_mllm.testing import Evidence, PlantedModel

    example = scene(3)
    seen = {
        word.text: Evidence(boxes=[tuple(map(int, example.objects[word.objects[0]].box))])
        for word in example.caption_words
        if word.is_evidence
    }
    model = PlantedModel(example.caption, seen)
    generation = model.generate(example.image, "Describe the image.")
    regions = segment(generation.image, method="grid", n_regions=100)
    method = Eagle(search=GreedySearch(max_regions=1))
    told = attribute(model, generation, generation.all(), regions=regions, method=method)
    measured = measure(sample("caption", scene=SceneRef(3)), told)
    assert measured.keys() == EVERY | SENSITIVE | RELEVANCE | {"evidence_auroc"}
    assert measured["evidence_auroc"] == 1.0
    evidence = np.any([item.mask for item in example.objects], axis=0)
    assert measured["relevance_mass"] == metrics.relevance_mass(told.saliency, evidence)
    assert measured["relevance_rank"] == metrics.relevance_rank(told.saliency, evidence)
    assert measured["evidence_recovered"] > 0.5
    # Of a scene that begins otherwise only the word "A" is known: nothing to tell it apart from.
    size = example.caption_words[1].text
    other = next(seed for seed in range(50) if scene(seed).caption_words[1].text != size)
    unknown = measure(sample("caption", scene=SceneRef(other)), told)
    assert all(math.isnan(unknown[name]) for name in RELEVANCE | {"evidence_auroc"})


def test_the_word_of_a_scene_has_its_object_as_evidence(measure):
    from eagle_mllm import metrics
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.attribution.segmentation import segment
    from eagle_mllm.baselines.single_scan import SingleScan
    from eagle_mllm.datasets.scenes import scene_sample
    from eagle_mllm.testing import Evidence, PlantedModel

    asked = scene_sample(3, "object")
    left, top, right, bottom = map(int, asked.object.box)
    model = PlantedModel("a thing", {"thing": Evidence(boxes=[(left, top, right, bottom)])})
    generation = model.generate(asked.scene.scene().image, "What?")
    regions = segment(generation.image, method="grid", n_regions=64)
    target = generation.find("thing")
    told = attribute(model, generation, target, regions=regions, method=SingleScan())
    measured = measure(asked, told)
    assert measured.keys() == EVERY | POINTING | RELEVANCE
    mask = asked.object.mask(regions.shape)
    assert measured["relevance_mass"] == metrics.relevance_mass(told.saliency, mask)
    assert measured["evidence_recovered"] > 0.9


def test_an_object_is_pointed_at_by_box_and_by_mask(measure, attribution):
    """The map's maximum is region 4, rows 8 to 16 and columns 8 to 16; its middle is (11, 11)."""
    outline = np.zeros((16, 24), bool)
    outline[8:10, 8:10] = True
    measured = measure(sample("object", object=truth((8.0, 8.0, 14.0, 14.0), outline)), attribution)
    assert measured.keys() == EVERY | POINTING
    assert {name: measured[name] for name in POINTING} == {
        "pointing_box": 1.0,
        "pointing_mask": 0.0,  # the middle of the region is not on the outline,
        "pointing_box_any": 1.0,
        "pointing_mask_any": 1.0,  # but four of its pixels are
    }


def test_a_box_without_an_outline_serves_the_columns_of_the_box(measure, attribution):
    from eagle_mllm.datasets.truth import ObjectTruth

    boxed = ObjectTruth(box=(8.0, 8.0, 14.0, 14.0), size=(16, 24))
    measured = measure(sample("object", object=boxed), attribution)
    assert (measured["pointing_box"], measured["pointing_box_any"]) == (1.0, 1.0)
    assert math.isnan(measured["pointing_mask"])
    assert math.isnan(measured["pointing_mask_any"])


def test_an_object_of_unknown_place_is_missing_not_missed(measure, attribution):
    measured = measure(sample("object"), attribution)
    assert all(math.isnan(measured[name]) for name in POINTING)
    assert not math.isnan(measured["insertion_auc"])


def test_a_hallucination_is_measured_by_what_corrects_it(measure, hallucination):
    measured = measure(sample("existence", truth="No"), hallucination)
    assert measured.keys() == EVERY | CORRECTION
    # Without region 2, one sixth of the image, the model says "No": more than a tenth.
    assert measured["corrected_area"] == pytest.approx(1 / 6)
    assert measured["corrected_within_10"] == 0.0


def test_every_measure_is_a_plain_number(measure, sentence, attribution, hallucination):
    told = {"caption": sentence, "vqa": sentence, "object": attribution, "existence": hallucination}
    for task, explained in told.items():
        assert all(type(value) is float for value in measure(sample(task), explained).values())
