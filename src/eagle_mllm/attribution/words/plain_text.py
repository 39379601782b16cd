"""Text as it is taken from people and quoted back to them."""

import unicodedata

from eagle_mllm.errors import EagleError, TargetError
from eagle_mllm.printable import printable


def require_unicode(text: str, what: str, *, error: type[EagleError] = TargetError) -> None:
    r"""Refuse text that cannot be written in UTF-8, as half of a surrogate pair cannot.

    Such characters come from bytes of another encoding on a command line, or from broken JSON.
    Control characters are characters like any other.

    Args:
        text: what somebody gave
        what: its name in the message, as in "the prompt"
        error: what to raise
    """
    try:
        text.encode()
    except UnicodeEncodeError as cause:
        raise error(
            f"{what} holds {text[cause.start]!a} at character {cause.start}, which is not a "
            "Unicode character; give text in UTF-8"
        ) from cause


def quoted(text: str, *, longest: int = 120) -> str:
    """A text in quotes, on one line and not too long, for messages."""
    line = " ".join(printable(text).split())
    return f'"{line}"' if len(line) <= longest else f'"{line[: longest - 3]}..."'


def letters(text: str) -> str:
    """What must not get lost where a text is written again: all but case, white space and form.

    The form is Unicode's, by NFKC.
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
