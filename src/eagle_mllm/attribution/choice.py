"""From what a person asks for to the tokens to explain, for every front end.

A word, span or regular expression may say which of its occurrences is meant: "cat" is the first,
"cat#3" the third, "cat#last" the last, "cat#all" every one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.words.patterns import compiled
from eagle_mllm.errors import TargetError

_TURN = re.compile(r"(?P<text>.*\S)#(?P<turn>[0-9]{1,9}|all|last)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class TargetChoice:
    """What the user asked to have explained; nothing at all means the whole answer.

    Raises:
        TargetError: the pieces exclude one another, one is empty, or a regular expression is none
    """

    words: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    """Regular expressions."""

    tokens: tuple[tuple[int, int], ...] = ()
    boxed: bool = False
    """The content of the last box."""

    last_line: bool = False
    all_words: bool = False
    counterfactual: str | None = None

    def __post_init__(self) -> None:
        beside_words = bool(
            self.spans or self.matches or self.tokens or self.boxed or self.last_line
        )
        chosen = bool(self.words or beside_words)
        if self.all_words and (chosen or self.counterfactual is not None):
            raise TargetError(
                "all words are explained already (--all-words); leave the other targets out"
            )
        if self.counterfactual is not None:
            if beside_words or len(self.words) > 1:
                raise TargetError(
                    "a counterfactual (--counterfactual) goes with one word (--word), or with none"
                )
            if not self.counterfactual.strip():
                raise TargetError(
                    "the counterfactual (--counterfactual) is empty; give the answer to compare "
                    "with"
                )
        if not all(text.strip() for text in (*self.words, *self.spans, *self.matches)):
            raise TargetError(
                "an empty word (--word), span (--span) or regular expression (--match) names "
                "nothing; give a piece of the answer"
            )
        for pattern in self.matches:
            _require_expression(pattern)

    @property
    def n_named(self) -> int:
        """How many pieces of the answer are named; each may occur several times."""
        named = len(self.words) + len(self.spans) + len(self.matches) + len(self.tokens)
        return named + self.boxed + self.last_line


def choose_targets(generation: Generation, choice: TargetChoice) -> list[Target]:
    """The targets of a choice in this answer, in the order of the fields.

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
    targets += [target for text in choice.matches for target in _matches(generation, text)]
    targets += [generation.at(start, stop) for start, stop in choice.tokens]
    targets += [generation.boxed()] if choice.boxed else []
    targets += [generation.last_line()] if choice.last_line else []
    return targets or [generation.all()]


def _words(generation: Generation, spelled: str) -> Sequence[Target]:
    text, turn = _split(spelled, generation.find)
    return generation.find_all(text) if turn is None else [generation.find(text, turn)]


def _spans(generation: Generation, spelled: str) -> Sequence[Target]:
    text, turn = _split(spelled, generation.span)
    return generation.span_all(text) if turn is None else [generation.span(text, turn)]


def _matches(generation: Generation, spelled: str) -> Sequence[Target]:
    pattern, turn = _split(spelled, generation.match)
    return generation.match_all(pattern) if turn is None else [generation.match(pattern, turn)]


def _other_answer(generation: Generation, answer: str, words: Sequence[str]) -> Target:
    if not words:
        return generation.counterfactual(answer)
    text, turn = _split(words[0], generation.find)
    if turn is None:
        raise TargetError(f"a counterfactual replaces one word; name it, as in '{text}#1'")
    return generation.counterfactual(answer, replacing=text, occurrence=turn)


def _split(spelled: str, find: Callable[[str], Target]) -> tuple[str, int | None]:
    """A text and which occurrence of it, from 0, -1 for the last; None for every one.

    "cat" is the first, "cat#3" the third, "cat#all" every one. Where the answer itself reads
    "cat#3", that is what was asked for.
    """
    match = _TURN.fullmatch(spelled)
    if match is None or _holds(find, spelled):
        return spelled, 0
    if match["turn"] == "all":
        return match["text"], None
    if match["turn"] == "last":
        return match["text"], -1
    turn = int(match["turn"])
    if turn < 1:
        raise TargetError(f"occurrences are counted from 1; '{match['text']}#1' is the first")
    return match["text"], turn - 1


def _require_expression(spelled: str) -> None:
    """Refuse what is a regular expression neither with its turn nor without."""
    try:
        compiled(spelled)
    except TargetError:
        match = _TURN.fullmatch(spelled)
        if match is None:
            raise
        compiled(match["text"])


def _holds(find: Callable[[str], Target], spelled: str) -> bool:
    try:
        find(spelled)
    except TargetError:
        return False
    return True
