"""The commands by name; the module of a command is imported when it runs or shows its help.

`eagle --help` and every error of the parser come at once, for they import no command at all.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from eagle_mllm.cli.values import usable
from eagle_mllm.uncollected import uncollected

COMMANDS = {
    "explain": (
        "Explain an answer, or a piece of it, by the regions of the image that it relies on."
    ),
    "compare": "Explain one target by several methods, and show them beside one another.",
    "audit": "Mark the words of an answer that the picture does not support.",
    "diagnose": (
        "Find out why an answer is wrong, and what to hide until the model answers rightly."
    ),
    "check": "Check whether a model works here: what to run first, and to attach to a report.",
    "show": "Show a stored explanation again: a summary, a report, a figure.",
    "run": "Explain the samples of a data set, one record each.",
    "tables": "The paper's tables from runs, with intervals and paired differences.",
    "scene": "Draw a generated scene, and print its caption, questions and true answers.",
    "demo": "Explain a generated scene with a bundled model: no network, no GPU, a few seconds.",
    "data": "Look at data sets on disk: COCO, MMVP, POPE, RePOPE, AMBER, reference lists.",
}
"""Name → what it does, in the order of `eagle --help`. The module of each is called like it."""


def loaded(name: str) -> Any:
    """The command itself, as the parser takes it.

    Args:
        name: one of `COMMANDS`
    """
    with uncollected():
        found = getattr(import_module(f"eagle_mllm.cli.{name}"), name)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(usable(found))
    return get_command(alone)


class Unloaded(TyperCommand):
    """A command whose module is not imported before it is chosen.

    Args:
        name: one of `COMMANDS`
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, help=COMMANDS[name])

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Let the command itself read its arguments."""
        return loaded(str(self.name)).make_context(info_name, args, parent, **extra)
