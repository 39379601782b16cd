"""Option values that are more than one word of text."""

import os
from pathlib import Path

import typer

from eagle_mllm.models.settings import BatchSize


def parse_batch_size(text: str) -> BatchSize:
    """`auto`, or a whole number from 1."""
    if text == "auto":
        return "auto"
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise typer.BadParameter(
        f"{text!r} is neither 'auto' nor a whole number from 1", param_hint="'--batch-size'"
    )


def parse_token_range(text: str) -> tuple[int, int]:
    """`3` -> (3, 4); `3:5` -> (3, 5). Positions count from 0, the end is excluded."""
    first, colon, last = text.partition(":")
    if not first.isdecimal() or (colon and not last.isdecimal()):
        raise typer.BadParameter(
            f"{text!r} is not a token position; write 3, or 3:5 for tokens 3 and 4",
            param_hint="'--token'",
        )
    start = int(first)
    stop = int(last) if colon else start + 1
    if stop <= start:
        raise typer.BadParameter(f"{text!r} holds no token", param_hint="'--token'")
    return start, stop


def printable(path: Path) -> str:
    """A path as Unicode text: each byte that is not UTF-8 is written as its number."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
