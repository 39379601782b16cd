"""Tables for the terminal: as many columns side by side as there is room for."""

from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from eagle_mllm.metrics.summary import Summary
from eagle_mllm.tables.cells import CellText, cell_text, difference_text, heading
from eagle_mllm.tables.table import Column, Row, Table

_CellWriter = Callable[[Summary, Column], CellText]


def terminal(tables: Sequence[Table], *, console: Console) -> str:
    """Each table as text in the width and the colours of a console.

    A table that is too wide continues below, with its labels again: no number is cut.
    """
    with console.capture() as capture:
        for table in tables:
            console.print(_group(table, console))
    return capture.get()


def _group(table: Table, console: Console) -> Group:
    parts: list[Text | Grid] = [
        Text(table.title, style="bold"),
        *_blocks(table, table.rows, cell_text, console=console),
    ]
    if table.differences:
        parts += [
            Text("Paired differences"),
            *_blocks(table, table.differences, difference_text, console=console),
        ]
    return Group(*parts, Text(table.footer), Text(f"{table.note}\n", style="dim"))


def _blocks(
    table: Table, rows: Sequence[Row], text: _CellWriter, *, console: Console
) -> Iterator[Grid]:
    start, n_columns = 0, len(table.columns)
    while start < n_columns:
        stops = range(n_columns, start, -1)
        grids = (_grid(table, rows, text, columns=range(start, stop)) for stop in stops)
        # The widest that fits; a single column is shown in any case.
        grid, stop = next(
            (grid, stop)
            for grid, stop in zip(grids, stops, strict=True)
            if stop == start + 1 or _fits(grid, console)
        )
        yield grid
        start = stop


def _fits(grid: Grid, console: Console) -> bool:
    return Measurement.get(console, console.options.update(width=10_000), grid).maximum <= (
        console.width
    )


def _grid(table: Table, rows: Sequence[Row], text: _CellWriter, *, columns: range) -> Grid:
    grid = Grid(box=box.SIMPLE, pad_edge=False)
    for name in table.shown_labels:
        grid.add_column(name, overflow="fold")
    grid.add_column("n", justify="right")
    for place in columns:
        head = heading(table.columns[place]).replace(", ", ",\n")
        grid.add_column(head, justify="right", overflow="fold")
    for row in rows:
        grid.add_row(
            *(Text(getattr(row.labels, name)) for name in table.shown_labels),
            str(row.n_samples),
            *(
                _cell(text(row.cells[place], table.columns[place]), best=row.best[place])
                for place in columns
            ),
        )
    return grid


def _cell(text: CellText, *, best: bool) -> Text:
    rest = " ".join(part for part in text[1:] if part)
    return Text(text.mean, style="bold" if best else "").append(f" {rest}" if rest else "", "dim")
