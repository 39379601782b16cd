"""Foreign words made printable: names, ids, prompts and answers from files that others wrote.

A terminal obeys control characters, a spreadsheet and a LaTeX run stumble over them, and characters
without width or with a direction of their own make one name look like another. Whatever is written
for people to read passes through here first; each format then escapes what it gives a meaning to.
"""

import unicodedata

REPLACED = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that cannot be shown."""

_JOINERS = "\u200c\u200d"
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_WITH_VARIANTS = tuple("0123456789#*©®")
_FIRST_JOINED = "\u0590"
"""The start of Hebrew; before it no script is spelled with joiners."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks by name that nobody sees."""


def printable(text: str, *, keep: str = "") -> str:
    r"""The text on one line, as many characters as before.

    White space of every kind becomes a space. Control characters, controls of direction, characters
    without width, halves of surrogate pairs and code points that mean nothing become `�`. Joiners
    and selectors of variants stay where they belong to the spelling: of Persian, Hindi, emoji.

    Args:
        text: what somebody else wrote
        keep: characters to leave as they are, such as line breaks

    Examples:
        >>> printable("a\tb\r\n"), printable("\x1b[31mred"), printable("cat\u202e", keep="")
        ('a b  ', '�[31mred', 'cat�')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if " " <= character <= "~" or character in keep else _shown(text, place)
        for place, character in enumerate(text)
    )


def _shown(text: str, place: int) -> str:
    character = text[place]
    if character.isspace():
        return " "
    return character if _is_seen(text, place) else REPLACED


def _is_seen(text: str, place: int) -> bool:
    character, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if character in _JOINERS:
        return _is_joined(before) and _is_joined(after)
    if character in _SELECTORS:
        return _is_joined(before) or before in _WITH_VARIANTS
    return character.isprintable() and character not in _BLANK


def _is_joined(beside: str) -> bool:
    return beside >= _FIRST_JOINED and unicodedata.category(beside)[0] in "LMS"
