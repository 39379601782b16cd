"""Tables as Markdown, for pages and pull requests."""

import re
from collections.abc import Callable, Sequence

from eagle_mllm.metrics.summary import Summary
from eagle_mllm.tables.cells import CellText, cell_text, difference_text, heading
from eagle_mllm.tables.table import Column, Row, Table


def markdown(tables: Sequence[Table]) -> str:
    """Each table with its title, its note, its paired differences and its footer."""
    return "\n\n".join(_section(table) for table in tables) + "\n"


def _section(table: Table) -> str:
    title, note, footer = map(_escaped, (table.title, table.note, table.footer))
    parts = [f"### {title}", note, _grid(table, table.rows, cell_text)]
    if table.differences:
        parts += ["Paired differences", _grid(table, table.differences, difference_text)]
    return "\n\n".join([*parts, footer])


def _grid(table: Table, rows: Sequence[Row], text: Callable[[Summary, Column], CellText]) -> str:
    names = table.shown_labels
    head = [*names, "n", *map(heading, table.columns)]
    rule = ["---"] * len(names) + ["---:"] * (1 + len(table.columns))
    body = [
        [
            *(_escaped(getattr(row.labels, name)) for name in names),
            str(row.n_samples),
            *(
                _emphasised(text(cell, column), best=best)
                for cell, column, best in zip(row.cells, table.columns, row.best, strict=True)
            ),
        ]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *body])


def _emphasised(text: CellText, *, best: bool) -> str:
    return str(text._replace(mean=f"**{text.mean}**") if best else text)


# Whatever begins or ends markup in GitHub's Markdown, formulas and bare addresses included.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~$&!]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
