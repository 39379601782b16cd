"""What happens when a command cannot continue: one line, one exit code, in one place.

Exit codes: 0 done; 2 the input cannot be used (ours and the parser's alike); 130 interrupted, 143
and 129 ended by SIGTERM and SIGHUP; 141 the reader of our output went away. Anything else is a bug
of ours and keeps its traceback.
"""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from eagle_mllm.cli.commands import COMMANDS, Unloaded
from eagle_mllm.errors import EagleError
from eagle_mllm.printable import printable

BAD_INPUT = 2
INTERRUPTED = 130
READER_GONE = 141

# The parser's base error. Typer carried its own copy of click from some version on, so the class
# is taken from where both have it: BadParameter -> UsageError -> ClickException.
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]

_LONG_VALUE = re.compile(r"('[^']{60})[^']+'")


class EagleGroup(TyperGroup):
    """The commands, and what turns every expected problem into one line on stderr."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name in COMMANDS:
            self.add_command(Unloaded(name), name)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit with its code; no arguments at all mean `--help`."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(
                args=given or ["--help"],
                prog_name=prog_name or "eagle",
                complete_var=complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except EagleError as error:
            code = complain(str(error))
        except _ParserError as error:
            code = complain(_parser_message(error))
        except (typer.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        code = code if isinstance(code, int) else 0
        if not standalone_mode:
            return code
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; a closed pipe and Ctrl-C end it quietly."""
        try:
            result = super().invoke(ctx)
            # What is still in the buffer must meet a closed pipe here, not at interpreter exit.
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
            raise typer.Exit(READER_GONE) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        return result


def complain(message: str) -> int:
    """Print the one error line; returns the exit code for bad input."""
    _say("error", message)
    return BAD_INPUT


def warn(message: str) -> None:
    """Print one line about something that is probably not meant."""
    _say("warning", message)


def note(message: str) -> None:
    """Print one line that is good to know."""
    _say("note", message)


def _say(kind: str, message: str) -> None:
    typer.echo(f"eagle: {kind}: {' '.join(printable(message).split())}", err=True)


def _parser_message(error: Any) -> str:
    message = _LONG_VALUE.sub(r"\1...'", str(error.format_message()))
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')} (see {context.command_path} --help)" if context else message


def _silence_stdout() -> None:
    """Point stdout at nothing, so that the flush at interpreter exit cannot fail again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # a stdout without a descriptor has nothing left to flush to
        return
