"""Right and given answers with all of their spellings; what is not closed is refused."""

import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.words.spelling import spelled
from eagle_mllm.errors import TargetError
from eagle_mllm.hallucination.answers import NO, YES, closed_question


def says(answer, picture, **evidence):
    words = {word: eagle.testing.Evidence(base=1.0) for word in ("Yes", "No", *evidence)}
    model = eagle.testing.PlantedModel(answer, words)
    return model, model.generate(picture, "Is there a moon?")


def test_case_space_and_marks_do_not_change_what_a_token_writes():
    texts = [
        "Yes",
        " yes",
        "YES",
        "Yes.",
        "▁Yes",
        "是",
        "yesterday",
        "eyes",
        "No",
        " no,",
        "not",
        "",
    ]
    assert list(spelled(enumerate(texts), YES)) == [0, 1, 2, 3, 4, 5]
    assert list(spelled(enumerate(texts), NO)) == [8, 9]


@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "internvl"])
def test_three_tokenizers_spell_yes_and_no_in_every_way_that_they_have(name, picture):
    model = eagle.load_model(f"demo/{name}", device="cpu")
    generation = model.with_answer(picture, "Is there a moon in the image?", "Yes.")
    closed = closed_question(model, generation, "no")
    tokenizer = model.family.parts.tokenizer
    texts = {token: tokenizer.decode([token]) for token in range(len(tokenizer))}
    wanted = {
        token
        for token, text in texts.items()
        if text.strip(" .").lower() == "no" and token not in tokenizer.all_special_ids
    }
    assert set(closed.right.ids) == wanted
    assert closed.right.ids[0] == generation.counterfactual("No").ids[0]
    assert closed.given.ids[0] == generation.ids[0]
    assert not set(closed.right.ids) & set(closed.given.ids)


def test_the_probabilities_of_the_spellings_are_added_up(picture):
    model = eagle.load_model("demo/llava", device="cpu")
    generation = model.with_answer(picture, "Is there a moon in the image?", "Yes.")
    closed = closed_question(model, generation, "no")
    regions = eagle.segment(picture, n_regions=4)
    from eagle_mllm.attribution.evaluator import SubsetEvaluator

    scorer = model.scorer(generation, closed.asked, regions)
    memory = SubsetEvaluator(scorer, len(regions))
    shown = [[True] * len(regions)]
    import numpy as np

    each = memory(np.array(shown)).probability[0]
    right, given = memory.summed(closed.groups)(np.array(shown)).probability[0]
    assert right == pytest.approx(each[: len(closed.right.ids)].sum(), abs=1e-6)
    assert given == pytest.approx(each[len(closed.right.ids) :].sum(), abs=1e-6)


def test_an_answer_that_is_right_leaves_no_question(picture):
    model, generation = says("No.", picture)
    assert closed_question(model, generation, "no") is None


@pytest.mark.parametrize(
    ("truth", "options", "message"),
    [
        ("maybe", {}, "is neither yes nor no; give"),
        ("red", {"answers": ["blue", "green"]}, "is not one of the closed answers"),
        ("blue", {"answers": ["blue", "green"]}, "names none of the closed answers blue, green"),
        ("blue", {"answers": ["blue"]}, "closed answers are two or more different ones"),
        ("dog", {"word": "cat"}, "is not in"),
    ],
)
def test_what_cannot_be_diagnosed_is_refused_in_one_line(picture, truth, options, message):
    model, generation = says("Yes.", picture)
    with pytest.raises(TargetError) as refused:
        closed_question(model, generation, truth, **options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_answer_that_says_neither_is_refused(picture):
    model, generation = says("It sits.", picture, It=1, sits=1)
    with pytest.raises(TargetError, match="says neither yes nor no"):
        closed_question(model, generation, "yes")


def test_other_closed_answers_are_named_by_the_caller(picture):
    model, generation = says("A red moon.", picture, blue=1)
    closed = closed_question(model, generation, "blue", answers=["red", "blue", "green"])
    assert (closed.right.text, closed.given.text) == ("blue", "red")
    assert closed.target.positions == (1,)
    assert closed_question(model, generation, "red", answers=["red", "blue"]) is None


def test_a_wrong_word_can_be_replaced(picture):
    model, generation = says("A cat sits.", picture, dog=1)
    closed = closed_question(model, generation, "dog", word="cat")
    assert closed.target.positions == (1,)
    assert closed.asked.positions == (1,) * len(closed.asked)
