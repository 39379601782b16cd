"""Where the words of a text begin and end.

The rule is the word segmentation of Unicode (UAX #29, https://www.unicode.org/reports/tr29/): runs
of letters, digits and underscores, with an apostrophe between letters ("cat's") and a separator
between digits ("1,000", "3.5") inside. A run of katakana is a word; in scripts that are written
without spaces and need a dictionary (Chinese, hiragana, Thai, Lao, Khmer, Burmese) every character
is a word of its own, with its vowel signs.

The standard invites tailoring for what a text is used for. A reader of an answer also takes as one
word:

- hyphenated compounds and whatever else a hyphen joins: "well-known", "COVID-19", "2024-05-06";
- times, ratios, dates and fractions: "12:30", "16:9", "5/6", "2½"; but not "and/or";
- numbers with their sign and with spaces that do not break: "-3", ".5", "10 000";
- abbreviations, file names, and initials joined by "&": "U.S", "Ph.D", "photo.jpg", "AT&T";
- e-mail and web addresses.

And a reader parts what the standard would join: letters at a colon ("Answer:yes"), sentences
without a space between them ("a cat.Two dogs"), underscores that only surround ("_cat_").
"""

from typing import NamedTuple

import regex


class Span(NamedTuple):
    """Character offsets into a text, as in `text[start:stop]`."""

    start: int
    stop: int


APOSTROPHES = "'\u2018\u2019\u201b\u02bc\uff07"
"""Characters that are read as an apostrophe: straight, curly, of letters, full width."""

HYPHENS = "-\u2010\u2011\ufe63\uff0d"
"""Characters that are read as a hyphen: plain, typographic, non-breaking, small, full width."""

MINUS = "\u2212"

# What Unicode attaches to the character before: marks, joiners, soft hyphens.
_ATTACHED = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*"
_UNIT = rf"(?=[\p{{WB=ALetter}}\p{{WB=Hebrew_Letter}}\p{{WB=Numeric}}\p{{No}}])\X{_ATTACHED}"
_HYPHEN = rf"[{regex.escape(HYPHENS)}]"
_KATAKANA = rf"(?=\p{{WB=Katakana}})\X{_ATTACHED}"

# A sign or a decimal point at the beginning of a number, where nothing precedes it.
_SIGN = (
    rf"(?<![\p{{L}}\p{{N}}\p{{M}}\p{{Pe}}\p{{Pf}}\"'%_.,:+*/^{MINUS}\-])"
    rf"(?:[+\uff0b{MINUS}]|{_HYPHEN})?[.\uff0e]?(?=\p{{Nd}})"
)

_JOINS = "|".join(
    (
        rf"[{APOSTROPHES}]|{_HYPHEN}",
        r"_+",
        r"(?<=\p{L})[\u00b7\u2027](?=\p{L})",  # Catalan
        r"(?<=\p{WB=Hebrew_Letter})[\"\u05f4](?=\p{WB=Hebrew_Letter})",
        r"(?<=\p{Nd})[.,:/\u066b\u066c\uff0e\uff0c\uff1a\uff0f\u2044](?=\p{Nd})",
        r"(?<=(?<!\p{Nd})\p{Nd}{1,3})[\u00a0\u2009\u202f](?=\p{Nd}{3}(?!\p{Nd}))",  # 10 000
        r"(?<=(?<![\p{L}\p{N}\p{M}])\p{L})[.\uff0e](?=\p{L})",  # U.S
        r"(?<=(?<![\p{L}\p{N}\p{M}])\p{L}{2})[.](?=\p{L}(?![\p{L}\p{N}\p{M}]))",  # Ph.D
        r"(?<=\p{L}\p{N}*)[.](?=\p{Ll})",  # photo.jpg
        r"(?<=(?<![\p{L}\p{N}])\p{Lu}{1,2})[&\uff06](?=\p{Lu}{1,2}(?![\p{L}\p{N}]))",
    )
)

# Bounded as the standards of addresses bound them, so that long runs of anything take no time.
_HOST = r"[A-Za-z0-9][A-Za-z0-9\-]{0,62}"
_IN_ADDRESS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
_ADDRESS = (
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]{{0,20}}://|www\.|(?:{_HOST}\.){{1,8}}[A-Za-z]{{2,24}}/)"
    rf"(?:{_IN_ADDRESS}*[A-Za-z0-9/=_~#\-])?"
)
_MAIL = rf"[A-Za-z0-9][A-Za-z0-9._%+\-]{{0,63}}@{_HOST}(?:\.{_HOST}){{1,8}}(?<=[A-Za-z0-9])"

_WORD = regex.compile(
    rf"{_ADDRESS}|{_MAIL}|(?:{_SIGN})?(?:{_UNIT})+(?:(?:{_JOINS})(?:{_UNIT})+)*"
    rf"|(?:{_KATAKANA})+|(?=[\p{{L}}\p{{N}}])\X{_ATTACHED}"
)


def word_spans(text: str) -> tuple[Span, ...]:
    """Where the words of a text are, in order.

    >>> [text[start:stop] for text in ["A cat's 3.5 toys."] for start, stop in word_spans(text)]
    ['A', "cat's", '3.5', 'toys']
    """
    return tuple(Span(*match.span()) for match in _WORD.finditer(text))
