"""Which tokens of a vocabulary write a word, in any case and with what may stand around it."""

from collections.abc import Collection, Iterable

_AROUND = " \t\r\n.,;:!?\"'*()\u2581\N{IDEOGRAPHIC FULL STOP}"
"""White space and marks that do not change what a word says."""


def spelled(texts: Iterable[tuple[int, str]], words: Collection[str]) -> dict[int, str]:
    """The tokens that write one of some words whole: vocabulary id → what it reads.

    Args:
        texts: vocabulary ids and what each reads alone
        words: in lower case
    """
    return {token: text for token, text in texts if bare(text) in words}


def bare(text: str) -> str:
    """A text in lower case, without white space and marks around it."""
    return text.strip(_AROUND).casefold()
