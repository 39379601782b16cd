"""A parameter of a command that is made from options of its own, declared in one place."""

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, get_type_hints

Function = Callable[..., Any]


def options_of(make: Function) -> dict[str, inspect.Parameter]:
    """The options of a function that are declared as Typer takes them, by `Annotated`."""
    hints = get_type_hints(make, include_extras=True)
    return {
        name: parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(make).parameters.items()
    }


def made_by(
    parameter: str, make: Function, *, without: Collection[str] = (), **others: inspect.Parameter
) -> Callable[[Function], Function]:
    """A decorator: the options of `make` take the place of a parameter, which it makes of them.

    Args:
        parameter: the name of the command's parameter
        make: from options to a value
        without: options of `make` that the command does not have; they keep their defaults
        others: options that stand in for those of `make`, by the names of these
    """
    own = options_of(make) | others
    own = {name: option for name, option in own.items() if name not in without}

    def decorated(command: Function) -> Function:
        options: dict[str, inspect.Parameter] = {}
        for name, option in options_of(command).items():
            options |= own if name == parameter else {name: option}

        @wraps(command)
        def called(**values: Any) -> Any:
            made = make(**{name: values.pop(name) for name in own})
            return command(**{parameter: made}, **values)

        called.__signature__ = inspect.Signature([*options.values()])  # type: ignore[attr-defined]
        called.__annotations__ = {name: one.annotation for name, one in options.items()}
        return called

    return decorated
