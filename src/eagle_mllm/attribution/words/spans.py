"""From tokens to characters to words, and back.

A model writes tokens, a user speaks of words. What joins them is the text: each token has a span of
its characters, and so has each word.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eagle_mllm.attribution.words.breaks import Span, word_spans


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word of an answer."""

    text: str
    """The word as written."""

    start: int
    """Offset of its first character in the answer."""

    stop: int
    """Offset of the first character after it."""

    tokens: tuple[int, ...]
    """Positions of the tokens that write it, whole or in part."""


def token_spans(
    ids: Sequence[int], decode: Callable[[Sequence[int]], str]
) -> tuple[str, tuple[Span, ...]]:
    """The text of an answer and the characters that each of its tokens writes.

    A token alone does not tell its characters: SentencePiece drops the space before the first one,
    and one character may take several tokens. So the answer is decoded token by token, always
    from its beginning, and a token's span is what it makes known of the final text. A character
    whose bytes come in several tokens belongs to each of them. Spans together cover the text.

    Args:
        ids: vocabulary ids of the answer
        decode: turns ids into text, leaving out special tokens and cleaning nothing up

    Returns:
        The text and one span for each id; empty where a token writes nothing, as special ones
    """
    text = decode(ids)
    spans: list[Span] = []
    before, known = "", 0
    for count, token_id in enumerate(ids, start=1):
        prefix = decode(ids[:count])
        # Never less than before: bytes to come can turn a whole run of characters back into U+FFFD.
        now_known = max(known, common_prefix(prefix, text))
        writes = prefix != before or decode([token_id]) != ""
        # What the prefix says beyond the known text is a character still waiting for bytes.
        waits = writes and not text.startswith(prefix)
        spans.append(Span(known, min(now_known + waits, len(text))))
        before, known = prefix, now_known
    return text, tuple(spans)


def token_texts(text: str, spans: Sequence[Span]) -> tuple[str, ...]:
    """What each token adds to the text; joined, they are the text again.

    A character that several tokens share is given to the last of them, so that the others say "".

    Args:
        text: the answer
        spans: character offsets of each token, from `token_spans`
    """
    starts = [span.start for span in spans] + [len(text)]
    return tuple(text[start:stop] for start, stop in pairwise(starts))


def words_of(text: str, spans: Sequence[Span]) -> tuple[Word, ...]:
    """The words of a text with the tokens that write them.

    Args:
        text: the answer
        spans: character offsets of each token in it
    """
    return tuple(
        Word(text=text[start:stop], start=start, stop=stop, tokens=overlapping(spans, start, stop))
        for start, stop in word_spans(text)
    )


def overlapping(spans: Sequence[Span], start: int, stop: int) -> tuple[int, ...]:
    """Positions of the tokens that share at least one character with `text[start:stop]`."""
    return tuple(
        position
        for position, span in enumerate(spans)
        if max(span.start, start) < min(span.stop, stop)
    )


def common_prefix(left: Sequence[object], right: Sequence[object]) -> int:
    """How many characters, or tokens, two answers share before they part."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(left), len(right)))
