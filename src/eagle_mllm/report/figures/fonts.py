"""Text for matplotlib: fonts of this machine that have the letters, and widths in inches."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import (
    FontProperties,
    findSystemFonts,
    fontManager,
    get_font,
    weight_dict,
)

from eagle_mllm.report.figures.scripts import draws_nothing

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
        bold: where every family has a bold face; matplotlib would complain of another
    """
    families = _families(text)
    bold = bold and all(_BOLD in _installed()[name] for name in families)
    weight = _BOLD if bold else _REGULAR
    return FontProperties(family=list(families), size=size, weight=weight)


def missing_letters(text: str) -> frozenset[str]:
    """The letters that no font on this machine has."""
    return frozenset(letter for letter in set(text) if _family_with(letter) is None)


def drawable(text: str) -> str:
    """The text with a box for each letter that no installed font has (matplotlib would warn)."""
    missing = missing_letters(text)
    return "".join(_MISSING if letter in missing else letter for letter in text)


def width_in_inches(*, size: float, bold: bool = False) -> Callable[[str], float]:
    """A measure of text drawn at `size` points."""
    return partial(_width, size=size, bold=bold)


def _width(text: str, *, size: float, bold: bool) -> float:
    font = font_for(text, size=size, bold=bold)
    width, _, _ = _renderer().get_text_width_height_descent(drawable(text), font, False)
    return float(width) / _DPI


def _families(text: str) -> tuple[str, ...]:
    found = [_family_with(letter) for letter in sorted(set(text))]
    return tuple(dict.fromkeys((BASE, *(name for name in found if name is not None))))


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
def _letters_of(family: str) -> Int64[np.ndarray, " letters"]:
    try:
        font = get_font(fontManager.findfont(FontProperties(family=family, weight=_REGULAR)))
    except (OSError, RuntimeError, ValueError):
        return np.zeros(0, np.int64)
    return np.fromiter(font.get_charmap(), np.int64)


@cache
def _renderer() -> Any:
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=_DPI)).get_renderer()
