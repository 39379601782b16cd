"""The paper's tables, from the records of runs.

    runs = [load_run(path) for path in paths]
    tables = tables_of(runs)            # values: rows, columns, cells with n, n_missing, interval
    print(markdown(tables))             # or latex, long_form (CSV), terminal

A table says how many samples failed or had nothing to explain, and
calls nothing best that may be so by chance.
"""

from eagle_mllm.tables.building import tables_of
from eagle_mllm.tables.latex import latex
from eagle_mllm.tables.long_form import long_form
from eagle_mllm.tables.markdown import markdown
from eagle_mllm.tables.table import Column, Labels, Row, Table
from eagle_mllm.tables.terminal import terminal

__all__ = [
    "Column",
    "Labels",
    "Row",
    "Table",
    "latex",
    "long_form",
    "markdown",
    "tables_of",
    "terminal",
]
