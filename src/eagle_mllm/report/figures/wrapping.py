"""Lines of measured pieces."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from eagle_mllm.report.tokens import Piece, shortened

Measure = Callable[[str], float]
"""The width of a text as it will be drawn; any unit, the same everywhere."""

_FIRST_GUESS = 64
"""Characters that are tried first of a text."""


class Placed(NamedTuple):
    """A piece on a line: its left edge and its width, in the unit of the measure."""

    piece: Piece
    left: float
    width: float


def wrapped(
    pieces: Sequence[Piece], measure: Measure, *, width: float, space: float, padding: float
) -> tuple[tuple[Placed, ...], ...]:
    """The pieces on lines no wider than `width`.

    Tokens of one word stay together; a word wider than a line is broken between its tokens. A
    single token wider than a line is for the caller to shorten.

    Args:
        pieces: the tokens in order
        measure: the width of a piece's text
        width: the width of a line
        space: the width of the space between words
        padding: what is added left and right of the text of each explained piece
    """
    lines: list[list[Placed]] = [[]]
    right = 0.0
    for word in _words(pieces):
        widths = [
            measure(piece.text) + (0.0 if piece.evidence is None else 2 * padding) for piece in word
        ]
        gap = space if word[0].spaced and lines[-1] else 0.0
        if lines[-1] and (word[0].starts_line or right + gap + sum(widths) > width):
            lines.append([])
            right, gap = 0.0, 0.0
        right += gap
        for piece, piece_width in zip(word, widths, strict=True):
            if lines[-1] and right + piece_width > width:
                lines.append([])
                right = 0.0
            lines[-1].append(Placed(piece, right, piece_width))
            right += piece_width
    return tuple(tuple(line) for line in lines)


def wrapped_text(text: str, measure: Measure, *, width: float, lines: int) -> tuple[str, ...]:
    """The text in at most `lines` lines no wider than `width`, ending in an ellipsis if cut."""
    rows: list[str] = []
    rest = " ".join(text.split())
    while rest and len(rows) < lines:
        fits = _longest_fitting(rest, measure, width)
        if fits == len(rest):
            rows.append(rest)
            return tuple(rows)
        if len(rows) == lines - 1:
            rows.append(fitted(rest, measure, width))
            return tuple(rows)
        cut = rest.rfind(" ", 1, fits + 1)
        cut = cut if cut > 0 else max(1, fits)
        rows.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(rows)


def fitted(text: str, measure: Measure, width: float) -> str:
    """The text, cut with an ellipsis if it is wider than `width`."""
    if _longest_fitting(text, measure, width) == len(text):
        return text
    keep = _longest_fitting(text, lambda shorter: measure(shorter + "…"), width)
    return shortened(text, max(1, keep) + 1)


def around(lines: Sequence[tuple[Placed, ...]], most: int) -> tuple[slice, int, int]:
    """Which `most` lines to draw so that the first explained token is seen.

    Returns:
        The slice of lines, and how many tokens come before and after it
    """
    if len(lines) <= most:
        return slice(0, len(lines)), 0, 0
    explained = [
        row for row, line in enumerate(lines) if any(item.piece.owner is not None for item in line)
    ]
    first = max(0, (explained[0] if explained else 0) - 1)
    start = min(first, len(lines) - most)
    kept = slice(start, start + most)
    before = sum(len(line) for line in lines[:start])
    after = sum(len(line) for line in lines[start + most :])
    return kept, before, after


def _words(pieces: Sequence[Piece]) -> list[list[Piece]]:
    words: list[list[Piece]] = []
    for piece in pieces:
        if words and not piece.spaced and not piece.starts_line:
            words[-1].append(piece)
        else:
            words.append([piece])
    return words


def _longest_fitting(text: str, measure: Measure, width: float) -> int:
    """How many characters from the start fit: the width grows with the text, so bisect.

    Of a very long text only about twice what fits is measured.
    """
    low, high = 0, min(_FIRST_GUESS, len(text))
    while high < len(text) and measure(text[:high]) <= width:
        low, high = high, min(2 * high, len(text))
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low
