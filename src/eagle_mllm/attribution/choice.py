"""From what a person asks for to the tokens to explain, for every front end.

A word or span may say which of its occurrences is meant: "cat" is the first, "cat#3" the third,
"cat#all" every one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.errors import TargetError

_TURN = re.compile(r"(?P<text>.*\S)#(?P<turn>[0-9]{1,9}|all)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class TargetChoice:
    """What the user asked to have explained; nothing at all means the whole answer."""

    words: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    tokens: tuple[tuple[int, int], ...] = ()
    all_words: bool = False
    counterfactual: str | None = None

    def __post_init__(self) -> None:
        chosen = bool(self.words or self.spans or self.tokens)
        if self.all_words and (chosen or self.counterfactual is not None):
            raise TargetError(
                "all words are explained already (--all-words); leave the other targets out"
            )
        if self.counterfactual is not None:
            if self.spans or self.tokens or len(self.words) > 1:
                raise TargetError(
                    "a counterfactual (--counterfactual) goes with one word (--word), or with none"
                )
            if not self.counterfactual.strip():
                raise TargetError(
                    "the counterfactual (--counterfactual) is empty; give the answer to compare "
                    "with"
                )
        if not all(text.strip() for text in (*self.words, *self.spans)):
            raise TargetError(
                "an empty word (--word) or span (--span) names nothing; give a piece of the answer"
            )


def choose_targets(generation: Generation, choice: TargetChoice) -> list[Target]:
    """The targets of a choice in this answer, in the order words, spans, tokens.

    Raises:
        TargetError: if the answer is empty, or does not hold what was asked for
    """
    if not generation.text.strip():
        raise TargetError("the answer is empty: there is no token to explain; try another prompt")
    if choice.counterfactual is not None:
        return [_other_answer(generation, choice.counterfactual, choice.words)]
    if choice.all_words:
        return list(generation.each_word())
    targets = [target for word in choice.words for target in _words(generation, word)]
    targets += [target for text in choice.spans for target in _spans(generation, text)]
    targets += [generation.at(start, stop) for start, stop in choice.tokens]
    return targets or [generation.all()]


def _words(generation: Generation, spelled: str) -> Sequence[Target]:
    text, turn = _split(spelled, generation.find)
    return generation.find_all(text) if turn is None else [generation.find(text, turn)]


def _spans(generation: Generation, spelled: str) -> Sequence[Target]:
    text, turn = _split(spelled, generation.span)
    return generation.span_all(text) if turn is None else [generation.span(text, turn)]


def _other_answer(generation: Generation, answer: str, words: Sequence[str]) -> Target:
    if not words:
        return generation.counterfactual(answer)
    text, turn = _split(words[0], generation.find)
    if turn is None:
        raise TargetError(f"a counterfactual replaces one word; name it, as in '{text}#1'")
    return generation.counterfactual(answer, replacing=text, occurrence=turn)


def _split(spelled: str, find: Callable[[str], Target]) -> tuple[str, int | None]:
    """A text and which occurrence of it, from 0; None for every one.

    "cat" is the first, "cat#3" the third, "cat#all" every one. Where the answer itself reads
    "cat#3", that is what was asked for.
    """
    match = _TURN.fullmatch(spelled)
    if match is None or _holds(find, spelled):
        return spelled, 0
    if match["turn"] == "all":
        return match["text"], None
    turn = int(match["turn"])
    if turn < 1:
        raise TargetError(f"occurrences are counted from 1; '{match['text']}#1' is the first")
    return match["text"], turn - 1


def _holds(find: Callable[[str], Target], spelled: str) -> bool:
    try:
        find(spelled)
    except TargetError:
        return False
    return True
