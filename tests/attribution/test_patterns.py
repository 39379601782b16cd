"""Targets inside a reasoned reply. A token here is a character, so that positions are offsets."""

import numpy as np
import pytest

from eagle_mllm.attribution.choice import TargetChoice, choose_targets
from eagle_mllm.errors import TargetError


def answer(text):
    from eagle_mllm.attribution.generation import Generation

    return Generation.from_ids(
        [ord(character) for character in text],
        image=np.zeros((2, 2, 3), np.uint8),
        prompt="What is it?",
        decode=lambda ids: "".join(map(chr, ids)),
        special=(),
    )


REPLY = "Say 3 cats.\nNo, 4.\nAnswer: 4 cats \nAnswer: 5\n\n"


def test_a_match_is_the_group_or_the_whole_match():
    whole = answer(REPLY).match(r"\d cats")
    assert (whole.text, whole.positions) == ("3 cats", tuple(range(4, 10)))
    group = answer(REPLY).match(r"Answer: (\d)")
    assert (group.text, group.positions) == ("4", (27,))
    assert group.ids == (ord("4"),)


def test_the_group_is_the_first_that_took_part():
    assert answer("a dog").match("(cat)|(dog)").text == "dog"
    assert answer("a cat").match("cat( red)?").text == "cat"


def test_matches_are_counted_from_either_end():
    generation = answer(REPLY)
    assert generation.match(r"Answer: (\d)", -1).text == "5"
    assert [one.text for one in generation.match_all(r"\d")] == ["3", "4", "4", "5"]
    with pytest.raises(TargetError, match=r"occurs 4 times in the answer, #1 .*; there is no #5"):
        generation.match(r"\d", 4)


def test_the_ends_of_a_line_are_ends_and_white_space_around_a_match_does_not_count():
    found = answer(REPLY).match("^Answer:(.*)$")
    assert (found.text, found.positions) == ("4 cats", tuple(range(27, 33)))


def test_matches_of_nothing_are_passed_over():
    assert [one.text for one in answer("a1 b").match_all(r"\d*")] == ["1"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", r'^"\(" is not a regular expression: missing \), .*; write it as Python'),
        ("a{99999999999}", "is not a regular expression: the repetition number is too large"),
        ("(" * 5000 + ")" * 5000, "is not a regular expression: it nests too deeply"),
        ("horse", r'^nothing in "Say 3 .* matches "horse"; case and white space count'),
        (r"\s+", "matches nothing but white space in"),
        ("x*", "matches nothing but white space in"),
        ("\ud800", "the regular expression holds .* not a Unicode character"),
    ],
)
def test_what_cannot_be_matched_is_one_line(pattern, message):
    with pytest.raises(TargetError, match=message) as caught:
        answer(REPLY).match(pattern)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{4}.", "4"),
        (r"\boxed{3}, no: \boxed{ 5 }", "5"),
        (r"\boxed{\frac{1}{\sqrt{2}}} is it", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed {\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{a \} b}", r"a \} b"),
        ("\\boxed{two\nlines}", "two\nlines"),
    ],
)
def test_the_content_of_the_last_box_is_found_with_its_braces(text, content):
    found = answer(text).boxed()
    assert found.text == content
    assert found.positions[0] == text.rindex(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("it is {4}", r"^there is no \\boxed\{...\} in"),
        (r"\boxed{3} or \boxed{4", r"^the last \\boxed\{ in .* is not closed; was the answer cut"),
        (r"\boxed{4\}", "is not closed"),
        (r"\boxed{ }", "holds nothing; choose another target"),
    ],
)
def test_a_box_that_is_not_there_is_refused(text, message):
    with pytest.raises(TargetError, match=message):
        answer(text).boxed()


def test_the_last_line_is_the_last_that_is_not_empty():
    found = answer(REPLY).last_line()
    assert (found.text, found.positions) == ("Answer: 5", tuple(range(35, 44)))
    assert answer(" one \r\n \r\n").last_line().positions == (1, 2, 3)
    assert answer("a cat").last_line().text == "a cat"
    with pytest.raises(TargetError, match="has no line to explain"):
        answer(" \n").last_line()


def chosen(text, **pieces):
    return [target.text for target in choose_targets(answer(text), TargetChoice(**pieces))]


def test_pieces_come_in_the_order_of_the_choice_and_say_their_turn():
    assert chosen(REPLY, matches=(r"\d#last", "No#1"), last_line=True) == ["5", "No", "Answer: 5"]
    assert chosen(REPLY, matches=(r"Answer: (\d)#all",)) == ["4", "5"]
    assert chosen(r"a \boxed{b}", words=("a",), boxed=True) == ["a", "b"]
    assert chosen("a cat and a cat", words=("cat#last",)) == ["cat"]


def test_an_expression_that_itself_ends_like_a_turn_is_taken_as_it_is_where_it_matches():
    assert chosen("see 7#2 and 8", matches=(r"\d#2",)) == ["7#2"]
    assert chosen("see 7 and 8", matches=(r"\d#2",)) == ["8"]
    assert TargetChoice(matches=(r"\#3",)).n_named == 1  # "\" alone would be none


@pytest.mark.parametrize("pattern", ["(", "(#last", " "])
def test_what_is_no_expression_is_refused_before_there_is_an_answer(pattern):
    with pytest.raises(TargetError, match=r"not a regular expression|names nothing"):
        TargetChoice(matches=(pattern,))


def test_another_answer_goes_with_no_piece_but_a_word():
    for pieces in ({"boxed": True}, {"last_line": True}, {"matches": ("a",)}):
        with pytest.raises(TargetError, match="goes with one word"):
            TargetChoice(counterfactual="no", **pieces)
        with pytest.raises(TargetError, match="explained already"):
            TargetChoice(all_words=True, **pieces)
