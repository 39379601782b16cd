"""`eagle tables`: the paper's tables from runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from eagle_mllm.cli import options
from eagle_mllm.cli.files import output_files
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.store import Run, load_run
from eagle_mllm.tables import (
    Table,
    latex,
    long_form,
    markdown,
    tables_of,
    terminal,
)

FormatChoice = Literal["rich", "markdown", "latex", "csv"]
TableChoice = Literal["sentences", "words", "hallucination", "objective", "regions"]

# A file or a pipe has no edge at which to wrap.
_FILE_WIDTH = 200


def tables(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False),
    ],
    form: Annotated[
        FormatChoice,
        typer.Option(
            "--format",
            help="rich for this terminal, markdown, latex (booktabs), or csv with one number per "
            "line.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = "rich",
    table: Annotated[
        TableChoice | None,
        typer.Option(help="Only this table.", rich_help_panel=options.OUTPUT),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write here instead of stdout.", rich_help_panel=options.OUTPUT
        ),
    ] = None,
    force: options.ForceFiles = False,
) -> None:
    """The paper's tables from runs, with intervals and paired differences.

    Which run belongs to which table follows from its task and settings. Exit code: 0 done, 2 if a
    run cannot be read or fills no table.
    """
    writes = {"--out": out} if out else {}
    with output_files(writes, reads=_files_of(runs), force=force) as staged:
        chosen = _chosen([load_run(path) for path in runs], table)
        text = _written(chosen, form, to_file=out is not None)
        for path in staged.values():
            path.write_text(text, encoding="utf-8", newline="\n")
    if not out:
        typer.echo(text, nl=False)


def _files_of(runs: Sequence[Path]) -> Iterator[Path]:
    for run in runs:
        yield from run.rglob("*.json*")


def _chosen(runs: Sequence[Run], name: TableChoice | None) -> list[Table]:
    filled = tables_of(runs)
    chosen = [one for one in filled if name in (None, one.name)]
    if not chosen:
        possible = ", ".join(one.name for one in filled) or "none"
        raise ResultError(f"these runs do not fill the table {name!r}; they fill: {possible}")
    return chosen


def _written(chosen: Sequence[Table], form: FormatChoice, *, to_file: bool) -> str:
    if form == "rich":
        return terminal(chosen, console=_console(to_file=to_file))
    writers = {"markdown": markdown, "latex": latex, "csv": long_form}
    return writers[form](chosen)


def _console(*, to_file: bool) -> Console:
    shown = Console(highlight=False)
    if shown.is_terminal and not to_file:
        return shown
    return Console(width=_FILE_WIDTH, color_system=None, highlight=False)
