"""Tokens of right-to-left scripts: joined as one word, and in the order in which they are read.

matplotlib shapes and orders the letters of one text. An answer is drawn token by token, so what
crosses tokens is done here: by the Unicode bidirectional algorithm (UAX #9) without its explicit
embeddings, with a token in place of a letter.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby, pairwise
from typing import Literal, NamedTuple

from eagle_mllm.report.figures.wrapping import Placed
from eagle_mllm.report.tokens import Piece

_JOINER = "\N{ZERO WIDTH JOINER}"
_RIGHT_TO_LEFT = "\N{RIGHT-TO-LEFT MARK}"
_ARABIC_FORMS = range(0xFB50, 0xFEFD)

Direction = Literal["left", "right", "digits", "none"]
"""Where a token's first letter is read from; digits follow the letters before them."""

_OF_CLASS: dict[str, Direction] = {"L": "left", "R": "right", "AL": "right"}


class _Box(NamedTuple):
    """A token on its line, or the space before one."""

    direction: Direction
    width: float
    placed: Placed | None


def joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The pieces with joiners where letters join across two tokens of one word, as in Arabic."""
    texts = [piece.text for piece in pieces]
    for left, (before, after) in enumerate(pairwise(pieces)):
        if not (after.spaced or after.starts_line) and _join(before.text, after.text):
            texts[left] += _JOINER
            texts[left + 1] = _JOINER + texts[left + 1]
    return tuple(replace(piece, text=text) for piece, text in zip(pieces, texts, strict=True))


def starts_right(pieces: Sequence[Piece]) -> bool:
    """Whether the first token with a direction is read from the right, and so all of the text."""
    directions = (_direction(piece.text) for piece in pieces)
    return next((one for one in directions if one in ("left", "right")), "left") == "right"


def arranged(line: Sequence[Placed], *, width: float, from_right: bool) -> tuple[Placed, ...]:
    """The pieces of a line from left to right, as a reader finds them.

    Args:
        line: pieces in the order of the answer, each placed right of the one before
        width: of the line; a text that starts on the right ends flush with it
        from_right: whether the text as a whole starts on the right
    """
    boxes = tuple(_boxes(line))
    if not from_right and all(box.direction != "right" for box in boxes):
        return tuple(line)
    levels = _levels([box.direction for box in boxes], base=int(from_right))
    left = width - sum(box.width for box in boxes) if from_right else 0.0
    found = []
    for place in _visual_order(levels):
        placed = boxes[place].placed
        if placed is not None:
            found.append(Placed(_facing(placed.piece, levels[place]), left, placed.width))
        left += boxes[place].width
    return tuple(found)


def _boxes(line: Sequence[Placed]) -> Iterator[_Box]:
    right = 0.0
    for placed in line:
        yield _Box("none", placed.left - right, None)
        yield _Box(_direction(placed.piece.text), placed.width, placed)
        right = placed.left + placed.width


def _direction(text: str) -> Direction:
    classes = [unicodedata.bidirectional(letter) for letter in text]
    strong = next((_OF_CLASS[one] for one in classes if one in _OF_CLASS), None)
    return strong or ("digits" if {"EN", "AN"} & set(classes) else "none")


def _levels(directions: Sequence[Direction], *, base: int) -> list[int]:
    """Embedding levels: odd ones are read from the right."""
    text: Direction = "right" if base else "left"
    level_of: dict[Direction, int] = {"left": 2 * base, "right": 1, "digits": 2}
    return [level_of[one] for one in _resolved(_after_letters(directions, text), text)]


def _after_letters(directions: Sequence[Direction], text: Direction) -> list[Direction]:
    """Digits keep a direction of their own only after letters that are read from the right."""
    found: list[Direction] = []
    strong = text
    for direction in directions:
        strong = direction if direction in ("left", "right") else strong
        found.append("left" if direction == "digits" and strong == "left" else direction)
    return found


def _resolved(directions: Sequence[Direction], text: Direction) -> Iterator[Direction]:
    """What has no direction takes that of both its neighbours, and else that of the text."""
    before = text
    for place, direction in enumerate(directions):
        if direction != "none":
            yield direction
            before = "left" if direction == "left" else "right"
            continue
        later = next((one for one in directions[place:] if one != "none"), text)
        yield before if before == ("left" if later == "left" else "right") else text


def _visual_order(levels: Sequence[int]) -> list[int]:
    """Every run of a level or above is reversed, from the highest level down to 1."""
    order = list(range(len(levels)))
    for level in range(max(levels, default=0), 0, -1):
        runs = [(high, list(run)) for high, run in groupby(order, _at_least(levels, level))]
        order = [place for high, run in runs for place in (run[::-1] if high else run)]
    return order


def _at_least(levels: Sequence[int], level: int) -> Callable[[int], bool]:
    return lambda place: levels[place] >= level


def _facing(piece: Piece, level: int) -> Piece:
    """The piece; where it is read from the right, with marks that turn its brackets around."""
    marked = f"{_RIGHT_TO_LEFT}{piece.text}{_RIGHT_TO_LEFT}"
    return replace(piece, text=marked) if level % 2 else piece


def _join(before: str, after: str) -> bool:
    forward, backward = _joining()
    bare = [letter for letter in before if unicodedata.category(letter) != "Mn"]
    return bool(bare and after) and bare[-1] in forward and after[0] in backward


@cache
def _joining() -> tuple[frozenset[str], frozenset[str]]:
    """The letters that join the one after them, and those that join the one before."""
    forms = (unicodedata.decomposition(chr(code)).split() for code in _ARABIC_FORMS)
    single = [(form[0], chr(int(form[1], 16))) for form in forms if len(form) == 2]
    forward = frozenset(letter for form, letter in single if form == "<initial>")
    return forward, frozenset(letter for form, letter in single if form == "<final>")
