"""Tables as CSV, one number per line: for data frames, and for what a cell has no room for.

A label that a spreadsheet would take for a formula begins with an apostrophe.
"""

import csv
import math
import unicodedata
from collections.abc import Sequence
from io import StringIO

from eagle_mllm.tables.table import Labels, Row, Table

FIELDS = (
    "table",
    "kind",
    *Labels._fields,
    "measure",
    "mean",
    "low",
    "high",
    "n",
    "n_missing",
    "best",
)
"""The columns. `kind` is "value" or "difference"; a number that is missing is empty."""


_FORMULA = ("=", "+", "-", "@")


def long_form(tables: Sequence[Table]) -> str:
    """Every cell of every table on a line of its own, with the fields of `FIELDS`."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FIELDS)
    for table in tables:
        for kind, rows in (("value", table.rows), ("difference", table.differences)):
            for row in rows:
                writer.writerows(_lines(table, row, kind))
    return buffer.getvalue()


def _lines(table: Table, row: Row, kind: str) -> list[list[object]]:
    return [
        [
            *(table.name, kind, *map(_word, row.labels), column.measure),
            *map(_number, (cell.mean, cell.low, cell.high)),
            *(cell.n, cell.n_missing, int(best)),
        ]
        for column, cell, best in zip(table.columns, row.cells, row.best, strict=True)
    ]


def _word(label: str) -> str:
    """The label, quoted if a spreadsheet would compute it, also from the wide forms of signs."""
    start = unicodedata.normalize("NFKC", label).lstrip()[:1]
    return f"'{label}" if start in _FORMULA else label


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)
