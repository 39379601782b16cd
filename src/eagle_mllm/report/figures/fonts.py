"""Text for matplotlib: fonts of this machine that have the letters, and widths in inches."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import (
    FontProperties,
    findSystemFonts,
    fontManager,
    get_font,
    weight_dict,
)

from eagle_mllm.printable import printable
from eagle_mllm.report.figures.scripts import draws_nothing, joins_before

BASE = "DejaVu Sans"
"""Comes with matplotlib, and has Latin, Greek, Cyrillic, Arabic, Hebrew and many signs."""

# Where one of them is installed, it is taken before any other font that has the letters.
_PREFERRED = (
    *(f"Noto Sans CJK {region}" for region in ("SC", "JP", "KR", "TC")),
    *(f"Noto Sans {region}" for region in ("SC", "JP", "KR", "TC")),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic"),
    *("Source Han Sans SC", "Droid Sans Fallback", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"),
    *("Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"),
    *("Nirmala UI", "Kohinoor Devanagari", "Lohit Devanagari"),
    *("Noto Emoji", "Segoe UI Emoji", "Symbola", "Noto Sans Symbols2"),
)
# Their letters are empty, or colours that matplotlib cannot draw.
_USELESS = ("last resort", "lastresort", "blank", "color emoji")
_REGULAR, _BOLD = 400, 700
_MISSING = "▯"
_DPI = 200


def font_for(text: str, *, size: float, bold: bool = False) -> FontProperties:
    """The fonts for a text: each family adds letters that those before it lack.

    Args:
        text: what to draw
        size: in points
        bold: where every family has a bold face with its letters; matplotlib would complain of
            another
    """
    families = _families(text)
    weight = _BOLD if bold and _all_bold(text, families) else _REGULAR
    return FontProperties(family=list(families), size=size, weight=weight)


def _all_bold(text: str, families: tuple[str, ...]) -> bool:
    letters = frozenset(map(ord, drawable(text)))
    return all(_is_bold(letters, name) for name in families)


def _is_bold(letters: frozenset[int], family: str) -> bool:
    if _BOLD not in _installed()[family]:
        return False
    return letters & _letters_of(family) <= _letters_of(family, _BOLD)


def missing_letters(text: str) -> frozenset[str]:
    """The letters that no font on this machine has."""
    return frozenset(letter for letter in set(text) if _family_with(_seen(letter)) is None)


def drawable(text: str) -> str:
    """The text as matplotlib can draw it on one line, whatever characters it has.

    What cannot be seen is replaced as by `printable`; what shapes or orders its neighbours stays.
    A letter that no installed font has is a box, and so is a mark if no font has both it and the
    letter that it belongs to.
    """
    return "".join(_letters(text, _families(text)))


def _letters(text: str, families: tuple[str, ...]) -> Iterator[str]:
    having = {letter: _having(_drawn(letter), families) for letter in set(text)}
    able = frozenset(families)  # to draw the letter and all that it is joined with
    for letter in text:
        able = having[letter] & able if joins_before(letter) else having[letter]
        yield _drawn(letter) if able else _MISSING
        able = able or frozenset([BASE])


def _having(letter: str, families: tuple[str, ...]) -> frozenset[str]:
    """Those of the families that have a letter; all, for what has no form."""
    if draws_nothing(letter):
        return frozenset(families)
    return frozenset(name for name in families if ord(letter) in _letters_of(name))


def width_in_inches(*, size: float, bold: bool = False) -> Callable[[str], float]:
    """A measure of text drawn at `size` points."""
    return partial(_width, size=size, bold=bold)


def _width(text: str, *, size: float, bold: bool) -> float:
    font = font_for(text, size=size, bold=bold)
    width, _, _ = _renderer().get_text_width_height_descent(drawable(text), font, False)
    return float(width) / _DPI


def _families(text: str) -> tuple[str, ...]:
    found = [_family_with(_seen(letter)) for letter in sorted(set(text))]
    return tuple(dict.fromkeys((BASE, *(name for name in found if name is not None))))


def _drawn(letter: str) -> str:
    seen = _seen(letter)
    return _MISSING if _family_with(seen) is None else seen


def _seen(letter: str) -> str:
    return letter if draws_nothing(letter) else printable(letter)


@cache
def _family_with(letter: str) -> str | None:
    """The first family that has the letter; a machine is searched for what the base lacks."""
    if draws_nothing(letter) or ord(letter) in _letters_of(BASE):
        return BASE
    return next((name for name in _searched() if ord(letter) in _letters_of(name)), None)


@cache
def _searched() -> tuple[str, ...]:
    installed = _installed()
    preferred = [name for name in _PREFERRED if name in installed]
    return (*preferred, *sorted(installed.keys() - {BASE, *preferred}))


@cache
def _installed() -> dict[str, frozenset[int]]:
    """The upright families of this machine that have a regular weight, and all their weights.

    Fonts that were installed after matplotlib made its list are added to the list.
    """
    listed = {Path(font.fname).resolve() for font in fontManager.ttflist}
    for path in sorted({Path(path).resolve() for path in findSystemFonts()} - listed):
        _add(path)
    weights: dict[str, set[int]] = {}
    for font in fontManager.ttflist:
        if font.style == "normal" and not any(word in font.name.lower() for word in _USELESS):
            weights.setdefault(font.name, set()).add(_weight(font.weight))
    return {name: frozenset(found) for name, found in weights.items() if _REGULAR in found}


def _add(path: Path) -> None:
    try:
        fontManager.addfont(str(path))
    except (OSError, RuntimeError, ValueError):  # a broken font, or one of pixels, is no help
        return


def _weight(weight: str | int) -> int:
    return weight_dict[weight] if isinstance(weight, str) else int(weight)


@cache
def _letters_of(family: str, weight: int = _REGULAR) -> frozenset[int]:
    try:
        font = get_font(fontManager.findfont(FontProperties(family=family, weight=weight)))
    except (OSError, RuntimeError, ValueError):
        return frozenset()
    return frozenset(font.get_charmap())


@cache
def _renderer() -> Any:
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=_DPI)).get_renderer()
