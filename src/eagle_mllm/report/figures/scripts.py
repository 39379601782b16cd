"""Scripts by the names of their letters: which one a font is missing for, and which font has it."""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple


class Script(NamedTuple):
    """A script, and a free font that has it."""

    name: str
    font: str


_CHINESE = Script("Chinese", "Noto Sans CJK")
_JAPANESE = Script("Japanese", "Noto Sans CJK")
_EMOJI = Script("emoji and signs", "Noto Emoji")

# By the first word of a letter's name. Every other script is called by that word.
_BY_FIRST_WORD = {
    "CJK": _CHINESE,
    "BOPOMOFO": _CHINESE,
    "IDEOGRAPHIC": _CHINESE,
    "FULLWIDTH": _CHINESE,
    "HIRAGANA": _JAPANESE,
    "KATAKANA": _JAPANESE,
    "KATAKANA-HIRAGANA": _JAPANESE,
    "HALFWIDTH": _JAPANESE,
    "HANGUL": Script("Korean", "Noto Sans CJK"),
    "DEVANAGARI": Script("Devanagari (Hindi)", "Noto Sans Devanagari"),
}


def script_of(letter: str) -> Script:
    """The script of a letter; signs and emoji are one."""
    first_word = unicodedata.name(letter, "UNKNOWN").split()[0]
    if first_word in _BY_FIRST_WORD:
        return _BY_FIRST_WORD[first_word]
    if unicodedata.category(letter)[0] not in "LM":
        return _EMOJI
    return Script(first_word.title(), f"Noto Sans {first_word.title()}")


def missing_fonts(letters: Iterable[str]) -> str | None:
    """One line on scripts that no font has, and what to install; None for no letter at all.

    >>> missing_fonts("猫")
    'no font on this machine has Chinese, drawn as ▯; install Noto Sans CJK'
    """
    scripts = sorted({script_of(letter) for letter in letters})
    if not scripts:
        return None
    fonts = ", ".join(dict.fromkeys(script.font for script in scripts))
    names = ", ".join(script.name for script in scripts)
    return f"no font on this machine has {names}, drawn as ▯; install {fonts}"


def draws_nothing(letter: str) -> bool:
    """Whether a character shapes or orders its neighbours and has no form of its own."""
    is_control = unicodedata.category(letter) == "Cf" and not _is_sign(letter)
    return is_control or "\ufe00" <= letter <= "\ufe0f"


def _is_sign(control: str) -> bool:
    """Whether a control is seen: those that enclose numbers, end verses, stack hieroglyphs."""
    if control == "\N{ARABIC LETTER MARK}":
        return False
    return "\u0600" <= control <= "\u08ff" or "\U00010000" <= control < "\U0001d000"


def joins_before(letter: str) -> bool:
    """Whether a character is drawn with the one before it, so that one font must have both."""
    in_place = unicodedata.category(letter)[0] == "M" or draws_nothing(letter)
    return in_place or "\U0001f3fb" <= letter <= "\U0001f3ff"
