"""Yes, no or unclear: as a person reads an answer, and as the benchmarks' scorers do."""

# ruff: noqa: RUF001

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagle_mllm.attribution.words.yes_no import judge

YES = [
    "Yes",
    "yes",
    "YES!",
    "Yes.",
    "Yes, there is a cat.",
    "1. Yes",
    "1) Yes, there is.",
    "(a) Yes",
    "A. Yes",
    "- Yes",
    "**Yes**",
    '"Yes"',
    "`Yes`",
    "\\boxed{Yes}",
    "Answer: Yes",
    "The answer is yes.",
    "The correct answer is: Yes",
    "My answer would be yes.",
    "Yes or no: Yes",
    "<think>There is no cat at first sight.</think> Yes",
    "Yeah",
    "Yep.",
    "Yup",
    "Y",
    "Well, yes.",
    "Oh yes, definitely",
    "Sure.",
    "Correct.",
    "Correct, there is one.",
    "True",
    "Absolutely!",
    "Affirmative.",
    "Of course, yes.",
    "That's right.",
    "There exists a red circle.",
    "We see a red circle.",
    "Definitely.",
    "Certainly. A cat sits there.",
    "Indeed, there is a dog.",
    "Yes, there is no doubt about it.",
    "No doubt, there is a cat.",
    "Without a doubt.",
    "Yes, but it is not very large.",
    "Yes. No other animal is there.",
    "There is a red circle.",
    "There's a cat on the mat.",
    "There are two cats in the image.",
    "I see a dog.",
    "I can see a dog in the background.",
    "The image shows a cat.",
    "A cat is visible on the left.",
    "It is.",
    "It does.",
    "I think so.",
    "I would say yes.",
    "是",
    "是的，图中有一只猫。",
    "有",
    "はい、います。",
    "네",
    "예, 있습니다.",
    "Sí",
    "Sí, hay un gato.",
    "Si",
    "Oui, il y a un chat.",
    "Ja",
    "Да",
    "Sim.",
    "ＹＥＳ",
]
NO = [
    "No",
    "no.",
    "NO!",
    "No, there is not.",
    "1. No",
    "2) No",
    "(b) No",
    "B. No.",
    "**No**",
    "The answer is no.",
    "So the answer is: No.",
    "Answer: no",
    "Yes or no? No.",
    "<think>Yes, perhaps.</think>No",
    "Nope",
    "Nah.",
    "N",
    "Well, no.",
    "Not really.",
    "Not at all.",
    "Certainly not.",
    "Absolutely not!",
    "Of course not.",
    "Sure, there is no cat.",
    "It lacks a cat.",
    "None.",
    "False",
    "Incorrect.",
    "Negative.",
    "Never.",
    "There is no red circle.",
    "There is no red circle in the image, but there is a blue one.",
    "There isn't any cat.",
    "There isn’t a dog.",
    "There are not any dogs in the image.",
    "I do not see a cat.",
    "I don't see any dog here.",
    "I can't see any dog.",
    "I cannot see a red circle.",
    "I don't think so.",
    "I'd say no.",
    "It is not.",
    "It doesn't.",
    "The image does not contain a cat.",
    "Nothing like that is in the picture.",
    "Nobody is in the image.",
    "Neither of them is there.",
    "No, yesterday's picture had one.",
    "不",
    "不是。",
    "没有，图中没有猫。",
    "沒有",
    "いいえ",
    "아니요",
    "없습니다",
    "Non, il n'y en a pas.",
    "Nein",
    "Não",
    "Нет.",
    "Hayır",
]
UNCLEAR = [
    "",
    " \n",
    "...",
    "Maybe",
    "Maybe.",
    "Perhaps there is.",
    "Possibly.",
    "Yes and no",
    "Yes and no.",
    "Yes, but also no.",
    "Yes/No",
    "yes or no",
    "No and yes.",
    "Yes, no, maybe",
    "Not sure.",
    "I'm not sure.",
    "I am not entirely sure.",
    "No idea.",
    "I don't know.",
    "I do not know whether there is one.",
    "I cannot tell.",
    "I can't tell from this image.",
    "It is unclear.",
    "It is not clear whether there is a cat.",
    "It depends.",
    "N/A",
    "It cannot be determined from the image.",
    "It is hard to say.",
    "It is impossible to tell.",
    "There might be a cat.",
    "It could be a cat.",
    "Sorry, I can't help with that.",
    "As an AI, I cannot see the image.",
    "I cannot see the image.",
    "Unknown.",
    "A cat.",
    "Two.",
    "Yesterday",
    "North of the house.",
    "Cat sits, mat waits.",
    "不确定",
    "不好说",
    "可能有",
    "わかりません",
    "모르겠습니다",
]
TOLD = {**dict.fromkeys(YES, "yes"), **dict.fromkeys(NO, "no"), **dict.fromkeys(UNCLEAR, "unclear")}


@pytest.mark.parametrize(("answer", "verdict"), TOLD.items(), ids=lambda text: ascii(text)[:40])
def test_an_answer_is_read_as_a_person_reads_it(answer, verdict) -> None:
    assert judge(answer) == verdict


def _as_pope(text: str) -> str:
    """POPE's published rule, written from its description: the first sentence, "no" or "not"."""
    words = text.split(".")[0].replace(",", "").split(" ")
    return "no" if {"No", "not", "no"} & set(words) else "yes"


# POPE's rule knows no other word for no, and takes a "no" or "not" of any meaning for one.
UNLIKE_POPE = {
    *("Nope", "Nah.", "N", "None.", "False", "Incorrect.", "Negative.", "Never.", "Nein"),
    *("Not really.", "Not at all.", "Nobody is in the image.", "Neither of them is there."),
    *("Nothing like that is in the picture.", "There isn't any cat.", "It doesn't."),
    *("I don't see any dog here.", "I can't see any dog.", "I cannot see a red circle."),
    *("I don't think so.", "It lacks a cat.", "Non, il n'y en a pas."),
    *("Yes, there is no doubt about it.", "No doubt, there is a cat."),
    "Yes, but it is not very large.",
}
ENGLISH = [text for text in [*YES, *NO] if re.match(r"[A-Z][a-z' ,]+\.?$", text)]


@pytest.mark.parametrize("answer", [text for text in ENGLISH if text not in UNLIKE_POPE])
def test_clear_english_answers_are_judged_as_pope_judges_them(answer) -> None:
    assert judge(answer) == _as_pope(answer)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    assert judge(text) in {"yes", "no", "unclear"}
    assert judge(f"Yes. {text}") == "yes" or "no" in text.casefold() or "think" in text.casefold()
