"""The `eagle` command."""

import gc
import sys
import warnings
from io import TextIOWrapper
from typing import Annotated

import typer

import eagle_mllm
from eagle_mllm.cli.problems import EagleGroup
from eagle_mllm.cli.signals import end_tidily

app = typer.Typer(
    name="eagle",
    cls=EagleGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> bool:  # the parser's way to call it
    if wanted:
        typer.echo(f"eagle {eagle_mllm.__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _eagle(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Where multimodal LLMs attend, and what they rely on."""


def main() -> None:
    """Run the `eagle` command on the arguments of this process."""
    if not sys.warnoptions:
        # What Pillow remarks on a file, with a line of its source, helps nobody who explains it.
        warnings.filterwarnings("ignore", module=r"PIL\b")
    end_tidily()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # An answer in any script must not crash a terminal that cannot show it.
            stream.reconfigure(errors="replace")
    try:
        app()
    finally:
        # The process ends: to search all that was imported for garbage would take up to a second.
        gc.freeze()
