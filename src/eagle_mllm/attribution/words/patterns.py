"""Places of an answer that are known by their form: matches of an expression, a box, the last line.

A reasoned reply thinks first and answers at its end; these find the answer inside it.
"""

import re
import warnings

from eagle_mllm.attribution.words.breaks import Span
from eagle_mllm.attribution.words.plain_text import quoted, require_unicode
from eagle_mllm.borders import border
from eagle_mllm.errors import TargetError

_BOX = re.compile(r"\\boxed\s*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""A brace, or what a backslash makes of the next character: an escaped brace is no brace."""


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that is ready to be looked for.

    Raises:
        TargetError: it is none
    """
    require_unicode(pattern, "the regular expression")
    with (
        border(
            TargetError,
            f"{quoted(pattern, longest=60)} is not a regular expression",
            advice="write it as Python's re reads it, with a backslash before special characters",
        ),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # about what later versions may read differently
        return re.compile(pattern, re.MULTILINE)


def matches_of(text: str, pattern: str) -> tuple[Span, ...]:
    r"""Where a regular expression matches, in order, without white space at the ends.

    Of a match it is the first group that took part, or the whole match where none did. `^` and `$`
    stand for the ends of any line. Matches of nothing but white space are passed over.

    >>> matches_of("so x = 12.\nAnswer: 12", r"^Answer:(.*)$")
    (Span(start=20, stop=22),)

    Args:
        text: the answer
        pattern: as Python's `re` reads it, with inline flags, as in `(?i)answer: (\w+)`

    Raises:
        TargetError: it is not a regular expression, or nothing matches but white space
    """
    shown = quoted(pattern, longest=60)
    found = [match.span(_group(match)) for match in compiled(pattern).finditer(text)]
    if not found:
        raise TargetError(
            f"nothing in {quoted(text)} matches {shown}; case and white space count, (?i) at the "
            "beginning ignores case"
        )
    spans = tuple(_trimmed(text, *span) for span in found if text[slice(*span)].strip())
    if not spans:
        raise TargetError(
            f"{shown} matches nothing but white space in {quoted(text)}; expected a match of "
            "some letters, digits or signs"
        )
    return spans


def boxed(text: str) -> Span:
    r"""The content of the last `\boxed{…}`, without white space at its ends.

    Braces inside come in pairs; those behind a backslash do not count.

    Raises:
        TargetError: there is none, or the last one is not closed or holds nothing
    """
    openings = list(_BOX.finditer(text))
    if not openings:
        raise TargetError(f"there is no \\boxed{{...}} in {quoted(text)}; choose another target")
    start, depth = openings[-1].end(), 1
    for found in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            if not text[start : found.start()].strip():
                raise TargetError(
                    f"the last \\boxed{{}} in {quoted(text)} holds nothing; choose another target"
                )
            return _trimmed(text, start, found.start())
    raise TargetError(
        f"the last \\boxed{{ in {quoted(text)} is not closed; was the answer cut off? "
        "allow more tokens (max_new_tokens)"
    )


def last_line(text: str) -> Span:
    """The last line that holds more than white space, without white space at its ends.

    Raises:
        TargetError: there is none
    """
    if not text.strip():
        raise TargetError(f"the answer {quoted(text)} has no line to explain; try another prompt")
    end = len(text.rstrip())
    lines = text[:end].splitlines(keepends=True)
    return _trimmed(text, end - len(lines[-1]), end)


def _group(match: re.Match[str]) -> int:
    groups = range(1, match.re.groups + 1)
    return next((group for group in groups if match.start(group) >= 0), 0)


def _trimmed(text: str, start: int, stop: int) -> Span:
    piece = text[start:stop]
    return Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))
