"""Words and file names: how an answer may call an object, how a sample is called on disk."""

import hashlib
import re

_IRREGULAR = {"person": "people", "mouse": "mice", "knife": "knives", "sheep": "sheep"}
# Only ever plural; a pair of skis is two of them.
_PLURAL = {"scissors": "scissors", "skis": "ski"}
_LONGEST = 80


def object_names(category: str) -> tuple[str, ...]:
    """The words that mean a category and nothing else: it, its plural, each also in one word.

    No synonyms: that "man" is a person and "television" a TV would be our opinion.

    >>> object_names("wine glass")
    ('wine glass', 'wine glasses', 'wineglass', 'wineglasses')
    """
    other = _PLURAL.get(category) or _plural(category)
    spelt = (category, other)
    joined = tuple(name.replace(" ", "") for name in spelt)
    return tuple(dict.fromkeys(spelt + joined))


def _plural(name: str) -> str:
    *before, last = name.split(" ")
    return " ".join((*before, _IRREGULAR.get(last) or _regular(last)))


def _regular(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    return re.sub(r"(?<=[^aeiou])y$", "ie", word) + "s"


def file_id(*parts: str) -> str:
    """Texts as one safe, short file name; texts that lose letters or length get a hash instead.

    >>> file_id("000000000139", "Is there a cat?")
    '000000000139-is-there-a-cat'
    """
    return "-".join(_slug(part) for part in parts)


def _slug(text: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-")
    # A name without white space is kept as it is: it names a file already.
    slug = slug if slug == text else slug.lower()
    if slug and len(slug) <= _LONGEST and text.isascii():
        return slug
    return f"{slug[:_LONGEST]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")
