"""What an answer claims about its image: its content words, or its yes or no."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eagle_mllm.attribution.generation import Generation, Target, Word
from eagle_mllm.attribution.words.plain_text import quoted
from eagle_mllm.attribution.words.spans import words_of
from eagle_mllm.attribution.words.yes_no import judge
from eagle_mllm.errors import TargetError


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_PLAIN = _words(
    # articles, pronouns, prepositions, conjunctions
    "a an the this that these those it its they them their he she his her him i you we us our my",
    "of in on at by to from with without into onto over under above below behind before after",
    "beside besides near next between among around across along through against toward towards",
    "and or but nor so as than if while when where which who whom whose what how why because",
    # auxiliaries and verbs that name nothing
    "is are was were be been being am has have had having do does did doing can could will would",
    "shall should may might must seems seem appears appear looks look sits sit stands stand lies",
    "lie shows show showing depicts depict contains contain features feature includes include",
    "see seen visible located placed",
    # what a picture is called, and words of place and degree
    "image picture photo photograph scene background foreground left right top bottom middle",
    "center centre side corner front back there here up down out off not no yes very quite also",
    "too only some any each every other another both all more most many much few several one",
)
"""Words that claim no thing and no property of one."""

_ASKED = _words("color colour colors colours shape size object objects thing things")
"""Words of questions that ask, and name nothing."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A word of an answer that the picture must support."""

    text: str
    """The word as written."""

    start: int
    """Offset of its first character in the answer."""

    stop: int
    """Offset of the first character after it."""

    target: Target
    """Its tokens."""

    phrase: str
    """What is claimed to be there, as in "red heart" for the word "red" before "heart"."""

    verdict: Literal["yes", "no"] | None = None
    """What it says of the phrase, where it is the answer to a question; None for other words."""

    @property
    def kind(self) -> Literal["answer", "word"]:
        """Whether it is a yes or no, or a word of a description."""
        return "word" if self.verdict is None else "answer"


def claims_of(generation: Generation) -> tuple[Claim, ...]:
    """The claims of an answer: its yes or no if it is one, else each of its content words.

    Raises:
        TargetError: there is none
    """
    verdict = judge(generation.text)
    asked = content_runs(generation.prompt, without=_ASKED)
    is_asked = "?" in generation.prompt and bool(asked and generation.words)
    if verdict != "unclear" and is_asked:
        word, phrase = generation.words[0], " ".join(asked[-1])
        return (_claim(generation, word, phrase, verdict=verdict),)
    claims = tuple(
        _claim(generation, word, " ".join(one.text for one in run[index:]))
        for run in _runs(generation.words, generation.text)
        for index, word in enumerate(run)
    )
    if not claims:
        raise TargetError(
            f"the answer {quoted(generation.text)} has no object words: nothing in it can be "
            "audited; ask for a description, or a question of yes and no"
        )
    return claims


def content_runs(text: str, *, without: frozenset[str] = frozenset()) -> list[list[str]]:
    """The content words of a text, in lower case, those in a row together.

    Args:
        text: any text
        without: further words that do not count
    """
    words = [word for word in words_of(text, ()) if word.text.lower() not in without]
    return [[word.text.lower() for word in run] for run in _runs(words, text)]


def names(text: str, phrase: str) -> bool:
    """Whether a text names what a phrase says: all of its words, in one run.

    Args:
        text: such as a caption
        phrase: such as "red heart"
    """
    wanted = set(phrase.lower().split())
    return any(wanted <= set(run) for run in content_runs(text))


def _runs(words: Sequence[Word], text: str) -> list[list[Word]]:
    """Content words that nothing but white space parts."""
    runs: list[list[Word]] = []
    before: Word | None = None
    for word in words:
        if word.text.lower() in _PLAIN:
            before = None
            continue
        is_next = before is not None and not text[before.stop : word.start].strip()
        runs[-1].append(word) if is_next else runs.append([word])
        before = word
    return runs


def _claim(
    generation: Generation,
    word: Word,
    phrase: str,
    *,
    verdict: Literal["yes", "no"] | None = None,
) -> Claim:
    ids = tuple(generation.ids[place] for place in word.tokens)
    target = Target(positions=word.tokens, ids=ids, text=word.text)
    return Claim(
        text=word.text,
        start=word.start,
        stop=word.stop,
        target=target,
        phrase=phrase,
        verdict=verdict,
    )
