"""Option values that no command can use, refused before any command sees them.

The parser checks types. Numbers beyond every range, text that is not Unicode and names that the
file system cannot take are checked here, for every option of every command alike.
"""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Any, get_type_hints

import typer
from typer.models import ArgumentInfo

_LARGEST = (1 << 31) - 1
_NAMES = {"cache", "checkpoint", "model", "regions"}
"""Text options that may also be a path."""


def usable(command: Callable[..., None]) -> Callable[..., None]:
    """A command that is only called with values that are usable, each by itself.

    Args:
        command: one whose parameters are declared as Typer takes them, by `Annotated`
    """
    hints = get_type_hints(command, include_extras=True)

    @wraps(command)
    def checked(**values: Any) -> None:
        for name, value in values.items():
            for one in _each(value):
                if problem := _problem(one, is_name=name in _NAMES):
                    raise typer.BadParameter(problem, param_hint=_spelled(name, hints[name]))
        command(**values)

    return checked


def _spelled(name: str, hint: Any) -> str:
    """How a user spells a parameter."""
    (info,) = hint.__metadata__
    if isinstance(info, ArgumentInfo):
        return f"'{info.metavar}'"
    return f"'{info.param_decls[0] if info.param_decls else '--' + name.replace('_', '-')}'"


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        yield from value
    elif value is not None:
        yield value


def _problem(value: Any, *, is_name: bool) -> str | None:
    if isinstance(value, Path) or is_name:
        return _path_problem(value)
    if isinstance(value, int) and abs(value) > _LARGEST:
        return f"expected at most {_LARGEST:,}"
    if isinstance(value, float) and not isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, str):
        return _text_problem(value)
    return None


def _text_problem(text: str) -> str | None:
    if "\0" in text:
        return "the text holds a zero byte"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"the text holds {text[error.start]!a}, which is not Unicode; give it as UTF-8"
    return None


def _path_problem(path: str | Path) -> str | None:
    """What is wrong with a path, apart from whether there is anything."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, ValueError) as error:
        return f"impossible file name ({getattr(error, 'strerror', None) or error})"
    return None
