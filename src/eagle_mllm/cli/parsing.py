"""Option values that are more than one word of text."""

import json
import os
from pathlib import Path
from typing import Any

import typer

from eagle_mllm.models.settings import BatchSize

_MOST_DIGITS = 9
_LONGEST = 24 * 3600.0


def parse_batch_size(text: str) -> BatchSize:
    """`auto`, or a whole number from 1."""
    return parse_count(text, option="--batch-size")


def parse_count(text: str, *, option: str) -> BatchSize:
    """`auto`, or a whole number from 1.

    Args:
        text: what was given
        option: for what, as in "--batch-size"
    """
    if text == "auto":
        return "auto"
    size = _whole_number(text)
    if not size:
        raise typer.BadParameter(
            f"'{text}' is neither 'auto' nor a whole number from 1", param_hint=f"'{option}'"
        )
    return size


_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds: `20`, `20s`, `1.5m` or `2h`, more than none and at most a day."""
    number = text.rstrip("smh")
    unit = text[len(number) :]
    digits = number.replace(".", "", 1)
    if digits.isdecimal() and len(digits) <= _MOST_DIGITS and unit in _SECONDS:
        seconds = float(number) * _SECONDS[unit]
        if 0 < seconds <= _LONGEST:
            return seconds
    raise typer.BadParameter(
        f"'{text}' is not a time; write 20s, 1.5m or 2h, at most 24h", param_hint="'--time'"
    )


def parse_settings(texts: list[str], *, option: str) -> dict[str, Any]:
    """`["a=true", "b=3", "c=text"]` -> `{"a": True, "b": 3, "c": "text"}`.

    Args:
        texts: what was given
        option: for what, as in "--template"
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name.isidentifier() or not equals:
            raise typer.BadParameter(
                f"'{text}' is not NAME=VALUE; write enable_thinking=false, for example",
                param_hint=f"'{option}'",
            )
        found[name] = _plain_value(value)
    return found


def _plain_value(text: str) -> Any:
    """true, false, null and numbers as JSON has them; anything else is text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if value is None or isinstance(value, bool | int | float | str) else text


def parse_token_range(text: str) -> tuple[int, int]:
    """`3` -> (3, 4); `3:5` -> (3, 5). Positions count from 0, the end is excluded."""
    first, colon, last = text.partition(":")
    start, stop = _whole_number(first), _whole_number(last) if colon else None
    if start is None or (colon and stop is None):
        raise typer.BadParameter(
            f"'{text}' is not a token position; write 3, or 3:5 for tokens 3 and 4",
            param_hint="'--token'",
        )
    stop = start + 1 if stop is None else stop
    if stop <= start:
        raise typer.BadParameter(f"'{text}' holds no token", param_hint="'--token'")
    return start, stop


def _whole_number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def path_text(path: Path) -> str:
    """A path as Unicode text: each byte that is not UTF-8 is written as its number."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
