from dataclasses import replace

import numpy as np
import pytest

from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.datasets.images import ImageSource
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import SettingError, TargetError
from eagle_mllm.runs.record import NotApplicable
from eagle_mllm.runs.targets import choose
from eagle_mllm.testing import Evidence, PlantedModel


class Blank(ImageSource):
    @property
    def name(self):
        return "blank"

    def read(self):
        return np.zeros((8, 8, 3), np.uint8)

    def digest(self):
        return "0" * 32


SAMPLE = Sample(id="s", task="caption", image=Blank(), prompt="What is it?")


WHOLE = TargetChoice()


def _chosen(says, *, piece=WHOLE, **fields):
    model = PlantedModel(says, {word: Evidence() for word in ("Yes", "No", "dog")})
    return choose(model, replace(SAMPLE, **fields), max_new_tokens=9, piece=piece)


@pytest.mark.parametrize("task", ["caption", "vqa"])
def test_a_sentence_is_explained_whole_without_its_end(task):
    generation, target = _chosen("a cat on a mat", task=task)
    assert target == generation.all()
    assert len(target) == 5


def test_an_object_is_explained_by_the_first_of_its_names_that_is_there():
    _, target = _chosen("a mat and cats", task="object", names=("cat", "cats", "mat"))
    assert (target.text, target.positions) == ("cats", (3,))


def test_an_object_that_is_not_named_does_not_apply():
    assert _chosen("a mat", task="object", names=("cat", "cats")) == NotApplicable(
        sample_id="s", task="object", answer="a mat", reason="the answer does not name the object"
    )


@pytest.mark.parametrize("answer", ["Maybe", "Yes and no", "a cat"])
def test_an_answer_that_says_neither_yes_nor_no_is_counted_as_unclear(answer):
    chosen = _chosen(answer, task="existence", truth="No")
    assert isinstance(chosen, NotApplicable)
    assert (chosen.reason, chosen.answer) == ("unclear answer", answer)


def test_a_wrong_answer_without_the_word_is_explained_too():
    generation, target = _chosen("There is no dog", task="existence", truth="Yes")
    assert target == generation.counterfactual("Yes")


@pytest.mark.parametrize("answer", ["No", "no, there is none", "There is no dog", "Nope"])
def test_a_right_answer_about_existence_does_not_apply(answer):
    chosen = _chosen(answer, task="existence", truth="No")
    assert isinstance(chosen, NotApplicable)
    assert (chosen.reason, chosen.answer) == ("answered rightly", answer)


def test_a_wrong_answer_is_explained_by_the_token_of_the_right_one():
    generation, target = _chosen("Yes, a cat", task="existence", truth="No")
    assert target == generation.counterfactual("No")
    assert target.positions == (0,)
    assert target.is_counterfactual


def test_existence_without_truth_is_an_error():
    with pytest.raises(SettingError, match="sample s has no truth"):
        _chosen("Yes", task="existence")


def test_a_recorded_answer_is_explained_instead_of_the_models_own():
    generation, target = _chosen("a cat", answer="a dog a")
    assert generation.text == "a dog a"
    assert len(target) == 3


def test_an_empty_answer_has_no_target():
    with pytest.raises(TargetError, match="answer is empty"):
        _chosen("")


def test_an_answer_is_no_longer_than_allowed():
    generation, _ = _chosen(" ".join("a" * 20))
    assert len(generation.ids) == 9


@pytest.mark.parametrize("task", ["caption", "vqa"])
def test_a_piece_of_an_answer_is_explained_where_the_run_names_one(task):
    _, target = _chosen("a cat and a dog", task=task, piece=TargetChoice(matches=("and (.*)",)))
    assert (target.text, target.positions) == ("a dog", (3, 4))


def test_an_answer_without_the_piece_does_not_apply():
    assert _chosen("a mat", piece=TargetChoice(boxed=True)) == NotApplicable(
        sample_id="s", task="caption", answer="a mat", reason="the answer has no such piece"
    )


def test_a_run_explains_one_piece_and_only_of_answers_that_are_explained_whole():
    with pytest.raises(TargetError, match=r"2 pieces of the answer match .* as in '.*#last'"):
        _chosen("a cat and a dog", piece=TargetChoice(matches=("\\ba\\b#all",)))
    with pytest.raises(SettingError, match="the task object explains another one"):
        _chosen("a mat", task="object", names=("mat",), piece=TargetChoice(last_line=True))
