"""Reads what a server answered, and trusts nothing of it: not its shape, nor its numbers."""

import json
import math
from typing import Any

from eagle_mllm.errors import ModelError
from eagle_mllm.printable import printable

_ABOVE = 1e-3
"""A logarithm may exceed 0 by rounding; anything further away is a fault of the server."""

NEVER = -9999.0
"""What servers write for the logarithm of 0, which JSON lacks."""


def field(answer: Any, *path: str | int) -> Any:
    """The value at a place of a JSON.

    Args:
        answer: the JSON
        path: names and indices, outermost first

    Raises:
        ModelError: there is none
    """
    value = answer
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            place = ".".join(map(str, path))
            raise ModelError(
                f"the server's answer has no {place}; its engine or version cannot score answers"
            ) from None
    return value


def id_of(value: Any) -> int:
    """A vocabulary id, also where it is written as text or as `token_id:7`.

    Raises:
        ModelError: it is none
    """
    if isinstance(value, str) and value.removeprefix("token_id:").isdecimal():
        value = int(value.removeprefix("token_id:"))
    if type(value) is not int or not 0 <= value < 2**63:
        raise ModelError(f"the server gave {value!r:.40} where a vocabulary id was expected")
    return value


def ids_of(values: Any) -> tuple[int, ...]:
    """A row of vocabulary ids.

    Raises:
        ModelError: it is none
    """
    if not isinstance(values, list):
        raise ModelError(f"the server gave {values!r:.40} where vocabulary ids were expected")
    return tuple(map(id_of, values))


def log_probability(value: Any) -> float:
    """The logarithm of a probability, not above 0.

    Raises:
        ModelError: it is none
    """
    if type(value) not in (int, float) or math.isnan(value) or value > _ABOVE:
        raise ModelError(
            f"the server gave {value!r:.40} where the logarithm of a probability was expected"
        )
    return min(float(value), 0.0)


def require_ids(found: tuple[int, ...], expected: tuple[int, ...], what: str) -> None:
    """Refuse an answer about other tokens than those asked about.

    Args:
        found: ids in the server's answer
        expected: ours
        what: they are, as in "prompt"

    Raises:
        ModelError: they differ
    """
    if found == expected:
        return
    place = next(
        (i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b),
        min(len(found), len(expected)),
    )
    raise ModelError(
        f"the server reads the {what} as other tokens than we do: {len(found)} instead of "
        f"{len(expected)}, different from the {place + 1}. on; give the checkpoint that it serves "
        "(checkpoint), or another engine route"
    )


def said(answer: bytes) -> str:
    """What a server says of an error, on one line of at most 200 characters."""
    text = answer[:20_000].decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text
    for name in ("error", "detail", "message"):
        if isinstance(body, dict) and name in body:
            body = body[name]
    line = " ".join(printable(str(body)).split()).rstrip(".")
    return line[:200] or "no reason given"
