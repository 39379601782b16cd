"""`eagle data`: what can be used of the data sets on disk."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from eagle_mllm.cli import options
from eagle_mllm.cli.display import Results, print_json
from eagle_mllm.cli.problems import BAD_INPUT
from eagle_mllm.cli.values import usable
from eagle_mllm.datasets.check import Check, Found
from eagle_mllm.datasets.check import check as check_data
from eagle_mllm.datasets.problems import Problem
from eagle_mllm.printable import printable

_SHOWN = 10

data = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@data.callback()
def _data() -> None:
    """Look at data sets on disk: COCO, MMVP, POPE, RePOPE, AMBER, reference lists."""


@data.command()
@usable
def check(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A data set's folder, an annotation file, or a folder of them.",
            show_default=False,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the images are; by default each data set looks near its annotations.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what a path holds, what is missing and what is malformed, line by line.

    Nothing is downloaded or changed. Exit code: 0 some of it can be used, 2 nothing can.
    """
    checked = check_data(path, images=images)
    if as_json:
        print_json(_described(checked))
    else:
        _print(checked)
    if not checked.is_usable:
        raise typer.Exit(BAD_INPUT)


def _described(checked: Check) -> dict[str, Any]:
    return {
        "usable": checked.is_usable,
        "data_sets": [
            {
                "kind": found.kind,
                "file": str(found.file),
                "name": found.data.name,
                "task": _task(found),
                "samples": len(found.data),
                "counts": dict(found.data.counts),
                "problems": len(found.data.problems),
                "fingerprint": found.data.fingerprint,
            }
            for found in checked.found
        ],
        "problems": [
            {
                "kind": problem.kind,
                "file": problem.place.file,
                "line": problem.place.line,
                "entry": problem.place.entry,
                "what": problem.what,
                "advice": problem.advice,
            }
            for problem in checked.problems
        ],
        "not_recognised": [str(file) for file in checked.other],
    }


def _task(found: Found) -> str | None:
    return found.data[0].task if len(found.data) else None


def _print(checked: Check) -> None:
    console = Results()
    console.print(_table(checked) if checked.found else "No data set was recognised.")
    for line in _lines(checked.problems):
        console.print(Text(printable(line)), soft_wrap=True)
    for line in _cut([f"{file}: not a data set of a known format" for file in checked.other]):
        console.print(Text(printable(line), style="dim"), soft_wrap=True)


def _table(checked: Check) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("found", overflow="fold")
    table.add_column("holds", no_wrap=True)
    table.add_column("task", no_wrap=True)
    table.add_column("usable", justify="right", no_wrap=True)
    table.add_column("problems", justify="right", no_wrap=True)
    for one in checked.found:
        table.add_row(
            Text.assemble(one.kind, "\n", (printable(_short(one.file, checked.root)), "dim")),
            Text(printable("\n".join(_counts(one)), keep="\n")),
            _task(one) or "",
            str(len(one.data)),
            str(len(one.data.problems)),
        )
    return table


def _counts(found: Found) -> Iterator[str]:
    return (f"{count} {what}" for what, count in found.data.counts.items())


def _short(file: Path, root: Path) -> str:
    return file.name if file == root else str(file.relative_to(root))


def _lines(problems: Sequence[Problem]) -> Iterator[str]:
    """One line for each problem, kind by kind."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        by_kind[problem.kind].append(str(problem))
    for lines in by_kind.values():
        yield from _cut(lines)


def _cut(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"... and {len(lines) - _SHOWN} more like this (--json lists every one)"
