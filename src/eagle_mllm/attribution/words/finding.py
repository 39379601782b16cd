"""Words and stretches of a text, found as a reader finds them.

The same letters may be spelled in many ways: as one code point or as a letter and its accent, in
full width, with a curly apostrophe, a non-breaking hyphen or space, a soft hyphen inside. None of
this is seen, so none of it matters. Case decides where it can, and is ignored where nothing has the
case asked for. What is found begins and ends between characters as a reader counts them: "e" is
not found in "é", however it is spelled.
"""

import difflib
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import regex

from eagle_mllm.attribution.words.breaks import APOSTROPHES, HYPHENS, MINUS, Span, word_spans

_CHARACTER = regex.compile(r"\X")
_UNSEEN = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_ALIKE = str.maketrans(
    {
        **dict.fromkeys(f"{APOSTROPHES}\u00b4`", "'"),
        **dict.fromkeys(f"{HYPHENS}{MINUS}", "-"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\uff02", '"'),
        "\u2044": "/",
    }
)


def occurrences(text: str, query: str, *, whole_words: bool) -> tuple[Span, ...]:
    """Where a stretch of text occurs, in order; the places may overlap.

    Tries the case of the query first, then ignores case. Any white space in the query matches any
    in the text.

    Args:
        text: where to look
        query: what to look for
        whole_words: whether to pass over places that begin or end inside a word
    """
    words = word_spans(text) if whole_words else ()
    for ignore_case in (False, True):
        wanted = _folded(query.strip(), ignore_case=ignore_case).text
        found = _places(_folded(text, ignore_case=ignore_case), wanted)
        found = tuple(span for span in found if not cuts_word(span, words))
        if found:
            return found
    return ()


def cuts_word(span: Span, words: Sequence[Span]) -> bool:
    """Whether a place begins or ends inside a word."""
    return any(word.start < edge < word.stop for edge in span for word in words)


def nearest_words(text: str, query: str) -> str | None:
    """The words of a text most like a query, as many in a row; None if none is like it."""
    words = word_spans(text)
    n_words = max(len(word_spans(query)), 1)
    runs = [
        text[first.start : last.stop]
        for first, last in zip(words, words[n_words - 1 :], strict=False)
    ]
    by_folded = {_folded(run, ignore_case=True).text: run for run in reversed(runs)}
    wanted = _folded(query.strip(), ignore_case=True).text
    close = difflib.get_close_matches(wanted, by_folded, n=1)
    longer = (run for run in by_folded if wanted in run)
    best = close[0] if close else next(longer, None)
    return None if best is None else by_folded[best]


def in_context(text: str, span: Span, *, width: int = 20) -> str:
    """A place of a text in brackets, with about `width` characters on either side.

    >>> in_context("a cat on a tree", Span(2, 5))
    'a [cat] on a tree'
    """
    before, after = text[: span.start], text[span.stop :]
    left = before if len(before) <= width else f"…{_from_a_space(before[-width:])}"
    right = after if len(after) <= width else f"{_from_a_space(after[width - 1 :: -1])[::-1]}…"
    return " ".join(f"{left}[{text[span.start : span.stop]}]{right}".split())


def _from_a_space(text: str) -> str:
    """The text without the word that it begins inside, if it has spaces."""
    _, space, rest = text.partition(" ")
    return rest if space else text


class _Folded(NamedTuple):
    """A text as it is compared, and which offsets of it are edges of characters in the original."""

    text: str
    starts: dict[int, int]
    stops: dict[int, int]


def _folded(text: str, *, ignore_case: bool) -> _Folded:
    folded, starts, stops = "", {}, {}
    for match in _CHARACTER.finditer(text):
        piece = _fold(match.group(), ignore_case=ignore_case)
        if not piece or (piece == " " and folded.endswith(" ")):
            continue  # unseen, or more white space
        starts[len(folded)] = match.start()
        folded += piece
        stops[len(folded)] = match.end()
    return _Folded(folded, starts, stops)


def _fold(character: str, *, ignore_case: bool) -> str:
    if character.isspace():
        return " "
    alike = unicodedata.normalize("NFKC", character.translate(_ALIKE)).translate(_ALIKE)
    seen = str(_UNSEEN.sub("", alike))
    if not ignore_case:
        return seen
    lower = unicodedata.normalize("NFKC", seen.casefold())
    return lower.replace("i\u0307", "i").replace("\u0131", "i")  # Turkish


def _places(text: _Folded, wanted: str) -> tuple[Span, ...]:
    found, start = [], text.text.find(wanted) if wanted else -1
    while start >= 0:
        stop = start + len(wanted)
        if start in text.starts and stop in text.stops:
            found.append(Span(text.starts[start], text.stops[stop]))
        start = text.text.find(wanted, start + 1)
    return tuple(found)
