"""From tokens to characters to words, and back.

A model writes tokens, a user speaks of words. What joins them is the text: each token has a span of
its characters, and so has each word. A word is a run of letters and digits with
apostrophes and hyphens inside ("cat's", "well-known"); a Chinese or Japanese character is a word of
its own, since those languages set no spaces.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

# Straight, typographic and full-width apostrophes; hyphens; the joiners inside Persian and Indic
# words.
_JOINERS = frozenset("'\u2019\uff07-\u2010\u2011\u200c\u200d")

# Han and kana, with their extensions: Unicode blocks, first and last character.
_CJK_BLOCKS = (
    (0x3005, 0x3007),  # iteration mark, closing mark, zero
    (0x3041, 0x312F),  # hiragana, katakana, bopomofo
    (0x31A0, 0x31BF),  # bopomofo extended
    (0x31F0, 0x31FF),  # katakana phonetic extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFF66, 0xFF9F),  # half-width katakana
    (0x20000, 0x3FFFF),  # Han extensions B and later
)


class Span(NamedTuple):
    """Character offsets into a text, as in `text[start:stop]`."""

    start: int
    stop: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word of an answer.

    Args:
        text: The word as written.
        start: Offset of its first character in the answer.
        stop: Offset just behind its last character.
        tokens: Positions of the tokens that write it, whole or in part.
    """

    text: str
    start: int
    stop: int
    tokens: tuple[int, ...]


def token_spans(
    ids: Sequence[int], decode: Callable[[Sequence[int]], str]
) -> tuple[str, tuple[Span, ...]]:
    """The text of an answer and the characters that each of its tokens writes.

    A token alone does not tell its characters: SentencePiece drops the space before the first one,
    and one character may take several tokens. So the answer is decoded token by token, always
    from its beginning, and a token's span is what it makes known of the final text. A character
    whose bytes come in several tokens belongs to each of them. Spans together cover the text.

    Args:
        ids: Vocabulary ids of the answer.
        decode: Turns ids into text, leaving out special tokens and cleaning nothing up.

    Returns:
        The text and one span for each id; empty where a token writes nothing, as special ones.
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
        text: The answer.
        spans: Character offsets of each token, from `token_spans`.
    """
    starts = [span.start for span in spans] + [len(text)]
    return tuple(text[start:stop] for start, stop in pairwise(starts))


def word_spans(text: str) -> tuple[Span, ...]:
    """Where the words of a text stand, in order.

    >>> [text[start:stop] for text in ["A cat's 2 toys."] for start, stop in word_spans(text)]
    ['A', "cat's", '2', 'toys']
    """
    spans: list[Span] = []
    start = 0
    while start < len(text):
        stop = _word_stop(text, start)
        if stop > start:
            spans.append(Span(start, stop))
        start = max(stop, start + 1)
    return tuple(spans)


def words_of(text: str, spans: Sequence[Span]) -> tuple[Word, ...]:
    """The words of a text with the tokens that write them.

    Args:
        text: The answer.
        spans: Character offsets of each token in it.
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


def occurrences(text: str, query: str, *, whole_words: bool) -> tuple[Span, ...]:
    """Where a stretch of text occurs, in order; the places may overlap.

    Case matters if that finds anything, and else does not. Any white space in the query matches
    any in the text.

    Args:
        text: Where to look.
        query: What to look for; not only white space.
        whole_words: Whether to pass over places that begin or end inside a word.
    """
    pattern = r"\s+".join(re.escape(part) for part in query.split())
    words = word_spans(text) if whole_words else ()
    for flags in (re.NOFLAG, re.IGNORECASE):
        matches = re.finditer(f"(?=({pattern}))", text, flags)
        found = tuple(Span(*match.span(1)) for match in matches)
        found = tuple(span for span in found if not _cuts(span, words))
        if found:
            return found
    return ()


def nearest_words(text: str, query: str) -> str | None:
    """The words of a text most like a query, as many in a row; None if none is like it."""
    words = word_spans(text)
    n_words = max(len(word_spans(query)), 1)
    runs = [
        text[first.start : last.stop]
        for first, last in zip(words, words[n_words - 1 :], strict=False)
    ]
    by_lower_case = {run.lower(): run for run in reversed(runs)}
    lower = query.strip().lower()
    close = difflib.get_close_matches(lower, by_lower_case, n=1)
    longer = (run for run in by_lower_case if lower in run)
    best = close[0] if close else next(longer, None)
    return None if best is None else by_lower_case[best]


def common_prefix(left: Sequence[object], right: Sequence[object]) -> int:
    """How many characters, or tokens, two answers share before they part."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(left), len(right)))


def _cuts(span: Span, words: Sequence[Span]) -> bool:
    """Whether a place begins or ends inside a word."""
    return any(word.start < edge < word.stop for edge in span for word in words)


def _word_stop(text: str, start: int) -> int:
    """End of the word that begins at `start`; `start` itself if none does."""
    if not _is_letter(text[start]):
        return start
    stop = _past_marks(text, start + 1)
    if _is_cjk(text[start]):
        return stop
    while stop < len(text):
        inner = stop + 1 if text[stop] in _JOINERS else stop
        if inner == len(text) or not _is_letter(text[inner]) or _is_cjk(text[inner]):
            break
        stop = _past_marks(text, inner + 1)
    return stop


def _past_marks(text: str, index: int) -> int:
    """Accents and vowel signs belong to the letter before them."""
    while index < len(text) and unicodedata.category(text[index]).startswith("M"):
        index += 1
    return index


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def _is_cjk(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _CJK_BLOCKS)
