"""The planted model keeps its promises, so that other tests can be worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import ImageError, ModelError, TargetError
from eagle_mllm.testing import EOS, OTHER, Evidence, PlantedModel

HALVES = Regions.from_labels(np.arange(8) // 4 + np.zeros((8, 1), int))
NEITHER, LEFT, RIGHT, BOTH = ([False, False], [True, False], [False, True], [True, True])
IMAGE = np.zeros((8, 8, 3), dtype=np.uint8)


def scores(evidence, *shown, word="cat", **settings):
    model = PlantedModel(word, {word: evidence}, **settings)
    generation = model.generate(IMAGE, "")
    return model.scorer(generation, generation.find(word), HALVES)(np.array(shown))


def probabilities(*arguments, **settings):
    return scores(*arguments, **settings).probability.ravel().tolist()


def test_probability_rises_with_the_share_of_the_box_that_is_shown():
    # Columns 3 to 7: one of the four is in the left half, three in the right.
    evidence = Evidence(boxes=[(3, 0, 7, 8)], base=0.5)
    assert probabilities(evidence, NEITHER, LEFT, RIGHT, BOTH) == [0.5, 0.625, 0.875, 1.0]


def test_any_box_is_enough():
    evidence = Evidence(boxes=[(0, 0, 4, 4), (2, 0, 6, 8)], rule="any")
    assert probabilities(evidence, NEITHER, LEFT, RIGHT, BOTH) == [0.0, 1.0, 0.5, 1.0]


def test_all_boxes_are_needed():
    evidence = Evidence(boxes=[(0, 0, 4, 4), (2, 0, 6, 8)], rule="all")
    assert probabilities(evidence, NEITHER, LEFT, RIGHT, BOTH) == [0.0, 0.5, 0.0, 1.0]


def test_a_language_prior_needs_no_image():
    assert probabilities(Evidence(base=0.75), NEITHER, LEFT, BOTH) == [0.75, 0.75, 0.75]


def test_evidence_can_speak_against_a_word():
    evidence = Evidence(boxes=[(0, 0, 4, 8)], base=0.75, peak=0.25)
    assert probabilities(evidence, NEITHER, LEFT, RIGHT) == [0.75, 0.25, 0.75]


def test_the_rest_of_the_probability_is_the_rivals():
    model = PlantedModel("Yes", {"Yes": Evidence(boxes=[(0, 0, 4, 8)], base=0.25, rival="No")})
    generation = model.generate(IMAGE, "Is there a cat?")
    target = generation.counterfactual("No")
    asked = model.scorer(generation, target, HALVES)(np.array([NEITHER, LEFT]))
    assert asked.probability.tolist() == [[0.75], [0.0]]
    assert asked.predicted.tolist() == [[target.ids[0]], [generation.ids[0]]]


def test_without_a_rival_an_improbable_word_gives_way_to_an_unnamed_one():
    found = scores(Evidence(boxes=[(0, 0, 4, 8)], base=0.25), NEITHER, LEFT)
    assert found.predicted[0, 0] == OTHER
    assert found.predicted[1, 0] != OTHER


def test_an_id_that_nobody_planted_is_impossible():
    model = PlantedModel("a cat", {"cat": Evidence(base=0.5), "dog": Evidence(base=0.5)})
    generation = model.generate(IMAGE, "")
    target = generation.counterfactual("dog", replacing="cat")
    found = model.scorer(generation, target, HALVES)(np.array([BOTH]))
    assert found.probability.tolist() == [[0.0]]


def test_words_are_tokens_and_the_answer_ends_in_eos():
    generation = PlantedModel("a cat, a tree.", {}).generate(IMAGE, "What?")
    assert generation.text == "a cat, a tree."
    assert generation.tokens == ("a", " cat", ",", " a", " tree", ".", "")
    assert generation.ids[0] == generation.ids[3]
    assert generation.ids[-1] == EOS
    assert generation.special == (False,) * 6 + (True,)
    assert [generation.text[start:stop].strip() for start, stop in generation.spans] == [
        "a", "cat", ",", "a", "tree", ".", "",
    ]  # fmt: skip
    assert generation.prompt == "What?"


def test_a_word_can_be_split_into_sub_tokens_that_share_its_probability():
    model = PlantedModel(
        "a banana",
        {"banana": Evidence(boxes=[(0, 0, 4, 8)], base=0.5, rival="kiwi")},
        split={"banana": ("ban", "an", "a"), "kiwi": ("ki", "wi")},
    )
    generation = model.generate(IMAGE, "")
    assert generation.tokens == ("a", " ban", "an", "a", "")
    target = generation.find("banana")
    assert target.positions == (1, 2, 3)
    found = model.scorer(generation, target, HALVES)(np.array([NEITHER, LEFT]))
    assert found.probability.tolist() == [[0.5] * 3, [1.0] * 3]


def test_only_the_first_sub_token_has_a_rival():
    model = PlantedModel(
        "banana", {"banana": Evidence(base=0.25, rival="kiwi")}, split={"banana": ("ban", "ana")}
    )
    generation = model.generate(IMAGE, "")
    kiwi = generation.counterfactual("kiwi").ids[0]
    found = model.scorer(generation, generation.find("banana"), HALVES)(np.array([BOTH]))
    assert found.predicted.tolist() == [[kiwi, OTHER]]


def test_words_without_evidence_have_the_prior_and_eos_is_certain():
    model = PlantedModel("a cat", {}, prior=0.75)
    generation = model.generate(IMAGE, "")
    target = generation.all(include_eos=True)
    found = model.scorer(generation, target, HALVES)(np.array([NEITHER]))
    assert found.probability.tolist() == [[0.75, 0.75, 1.0]]
    assert found.predicted.tolist() == [list(generation.ids)]


def test_another_answer_of_known_words_can_be_given():
    model = PlantedModel("a cat", {"dog": Evidence(base=0.5)})
    generation = model.with_answer(IMAGE, "", "a dog")
    assert generation.text == "a dog"
    found = model.scorer(generation, generation.find("dog"), HALVES)(np.array([BOTH]))
    assert found.probability.tolist() == [[0.5]]


def test_a_word_that_was_never_planted_is_named():
    with pytest.raises(ModelError, match="does not know 'zebra', only a, cat;"):
        PlantedModel("a cat", {}).with_answer(IMAGE, "", "a zebra")


def test_an_answer_can_be_cut():
    generation = PlantedModel("a cat on a tree", {}).generate(IMAGE, "", max_new_tokens=2)
    assert generation.text == "a cat"
    assert EOS not in generation.ids


def test_an_image_file_is_remembered_by_its_path(tmp_path):
    path = tmp_path / "black.png"
    Image.fromarray(IMAGE).save(path)
    generation = PlantedModel("a cat", {}).generate(path, "")
    assert generation.image_path == str(path)
    assert (generation.image == IMAGE).all()


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
def test_scores_do_not_depend_on_the_batch_size(batch_size, rng):
    evidence = Evidence(boxes=[(1, 1, 6, 5)], base=0.3)
    shown = rng.random((5, 2)) < 0.5
    one = scores(evidence, *shown, batch_size=batch_size)
    other = scores(evidence, *shown)
    assert (one.probability == other.probability).all()
    assert (one.predicted == other.predicted).all()


def test_a_broken_model_returns_nan():
    assert np.isnan(probabilities(Evidence(base=0.5), NEITHER, returns_nan=True)).all()


def test_the_model_says_what_it_is():
    assert PlantedModel("a cat", {}).info.family == "planted"


def test_evidence_outside_the_image_is_refused():
    with pytest.raises(
        ImageError, match=r"'cat' at \(0, 0, 9, 8\) lies outside the image of 8 x 8"
    ):
        scores(Evidence(boxes=[(0, 0, 9, 8)]), BOTH)


@pytest.mark.parametrize("box", [(-1, 0, 4, 4), (4, 0, 4, 4), (0, 5, 4, 4)])
def test_a_box_that_holds_no_pixel_is_refused(box):
    with pytest.raises(ValueError, match="a box is"):
        Evidence(boxes=[box])


@pytest.mark.parametrize("wrong", [{"base": 1.5}, {"peak": -0.5}])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        Evidence(**wrong)


def test_sub_tokens_must_spell_their_word():
    with pytest.raises(ValueError, match="do not spell 'banana'"):
        PlantedModel("a banana", {}, split={"banana": ("ba", "na")})


@pytest.mark.parametrize("answer", ["", " \n", "a \ud800 cat"])
def test_an_answer_that_says_nothing_or_is_not_unicode_is_refused(answer):
    with pytest.raises(TargetError, match=r"the answer is empty|not a Unicode character"):
        PlantedModel("a cat", {}).with_answer(IMAGE, "", answer)
