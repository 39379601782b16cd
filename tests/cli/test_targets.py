"""From words on the command line to tokens."""

import numpy as np
import pytest

from eagle_mllm.attribution.choice import choose_targets
from eagle_mllm.cli.targets import target_choice
from eagle_mllm.errors import TargetError
from eagle_mllm.testing import Evidence, PlantedModel

ANSWER = "A cat, a dog and a cat #3 see C # and a cat."


def targets(words=(), spans=(), counterfactual=None, *, answer=ANSWER, all_words=False):
    model = PlantedModel(answer, {"dog": Evidence()})
    generation = model.generate(np.zeros((4, 4, 3), np.uint8), "What is this?")
    choice = target_choice(
        words=list(words),
        spans=list(spans),
        matches=[],
        tokens=[],
        boxed=False,
        last_line=False,
        all_words=all_words,
        counterfactual=counterfactual,
    )
    return choose_targets(generation, choice), generation


def chosen(*args, **options):
    """How often the first token of each target occurs before it."""
    found, generation = targets(*args, **options)
    return [generation.ids[: target.positions[0]].count(target.ids[0]) for target in found]


@pytest.mark.parametrize(
    ("word", "turns"),
    [
        ("cat", [0]),
        ("cat#1", [0]),
        ("cat#2", [1]),
        ("cat#3", [2]),
        ("cat#last", [2]),
        ("cat#all", [0, 1, 2]),
    ],
)
def test_a_word_is_chosen_with_its_turn(word, turns):
    assert chosen([word]) == turns
    assert chosen(spans=[word]) == turns


def test_case_decides_which_words_are_counted():
    assert chosen(["A#1"]) == [0]
    assert chosen(["a#2"]) == [1]
    with pytest.raises(TargetError, match=r"'A' occurs once .* there is no #2"):
        chosen(["A#2"])


def test_a_number_sign_of_the_answer_is_found_as_it_is():
    assert chosen(["#3"]) == [0]
    assert chosen(["cat #3"]) == [1]
    assert chosen(["C #"]) == [0]
    assert chosen(["C ##1"]) == [0]
    assert chosen(["cat#2"], answer="a cat#2 and a cat and a cat") == [0]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("cat#4", r"'cat' occurs 3 times in the answer, #1 \"A \[cat\].*; there is no #4"),
        ("cat#0", "occurrences are counted from 1; 'cat#1' is the first"),
        ("cot#2", "'cot' is not in .*; did you mean 'cat'?"),
        ("cat#two", "'cat#two' is not in"),
        ("#9", "'#9' is not in"),
    ],
)
def test_a_turn_that_is_not_there_is_refused_with_those_that_are(word, message):
    with pytest.raises(TargetError, match=message):
        chosen([word])


def test_another_answer_replaces_the_occurrence_named():
    (first,), _ = targets(["cat"], counterfactual="dog")
    (second,), _ = targets(["cat#2"], counterfactual="dog")
    assert first.ids == second.ids
    assert first.positions == (1,)
    assert second.positions > first.positions
    with pytest.raises(TargetError, match="replaces one word; name it, as in 'cat#1'"):
        targets(["cat#all"], counterfactual="dog")


def test_an_answer_without_words_is_one_line():
    with pytest.raises(TargetError, match='"!!" has no words'):
        targets(answer="!!", all_words=True)
