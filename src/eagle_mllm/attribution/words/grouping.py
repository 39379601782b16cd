"""Which tokens of a target make up a word."""

from collections.abc import Sequence
from typing import NamedTuple

from eagle_mllm.attribution.words.spans import Word


class WordGroup(NamedTuple):
    """The explained tokens of one word, or one token between words."""

    text: str
    """What it says."""

    tokens: tuple[int, ...]
    """Indices into the target, rising."""


def grouped(
    words: Sequence[Word], texts: Sequence[str], positions: Sequence[int]
) -> tuple[WordGroup, ...]:
    """The tokens at some positions, by the word that each helps to write.

    A token that writes parts of two words goes to the first of them. Where several ids are asked
    about at one position, each stands alone.

    Args:
        words: of the answer
        texts: what each token of the answer adds to it
        positions: in the answer, rising
    """
    word_at = {place: word for word in reversed(words) for place in word.tokens}
    if len(set(positions)) < len(positions):
        word_at = {}
    groups: dict[tuple[str, int], list[int]] = {}
    said: dict[tuple[str, int], str] = {}
    for index, position in enumerate(positions):
        word = word_at.get(position)
        key = ("token", index) if word is None else ("word", word.start)
        groups.setdefault(key, []).append(index)
        said[key] = texts[position] if word is None else word.text
    return tuple(WordGroup(said[key], tuple(tokens)) for key, tokens in groups.items())
