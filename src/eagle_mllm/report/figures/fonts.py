"""Text for matplotlib: fonts that have the letters, and widths measured in inches."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font

# DejaVu comes with matplotlib. The others, where installed, add scripts that it lacks.
_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Thai",
)
_MISSING = "▯"
_DPI = 200


@cache
def families() -> tuple[str, ...]:
    """The font families of every figure, in order of preference, as far as installed."""
    installed = {font.name for font in fontManager.ttflist}
    return tuple(name for name in _FAMILIES if name in installed)


def drawable(text: str) -> str:
    """The text with a box for each letter that no installed font has (matplotlib would warn)."""
    letters = _letters()
    return "".join(
        character if character == "\n" or ord(character) in letters else _MISSING
        for character in text
    )


def width_in_inches(*, size: float, weight: str = "normal") -> Callable[[str], float]:
    """A measure of text drawn at `size` points."""
    font = FontProperties(family=list(families()), size=size, weight=weight)
    return partial(_width, font)


def _width(font: FontProperties, text: str) -> float:
    width, _, _ = _renderer().get_text_width_height_descent(drawable(text), font, False)
    return float(width) / _DPI


@cache
def _letters() -> frozenset[int]:
    # The fallback of matplotlib goes letter by letter through the same fonts.
    letters: set[int] = set()
    for family in families():
        path = fontManager.findfont(FontProperties(family=family))
        letters.update(get_font(path).get_charmap())
    return frozenset(letters)


@cache
def _renderer() -> Any:
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=_DPI)).get_renderer()
