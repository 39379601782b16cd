"""Tables as LaTeX with booktabs, for papers."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from eagle_mllm.metrics.summary import Summary
from eagle_mllm.tables.cells import CellText, cell_text, difference_text
from eagle_mllm.tables.table import Column, Row, Table

_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", None: ""}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # At the start of a row these would be an argument of the line before.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # Some languages make it active, and a font joins it with what is before it.
    '"': r"\symbol{34}",
    "`": r"\symbol{96}",
    "\N{REPLACEMENT CHARACTER}": "?",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "λ": r"$\lambda$",
}
_LIGATURES = "-',"
"""Two of these would become one dash or quotation mark."""


def latex(tables: Sequence[Table]) -> str:
    """Each table as a `table` environment; the document needs the package booktabs.

    Labels stay as they are spelled: other scripts than Latin need XeLaTeX or LuaLaTeX and a font.
    """
    return "\n\n".join(_environment(table) for table in tables) + "\n"


def _environment(table: Table) -> str:
    n_labels = len(table.shown_labels)
    columns = "l" * n_labels + "r" * (1 + len(table.columns))
    heads = [*map(_escaped, table.shown_labels), "n", *map(_heading, table.columns)]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escaped(f'{table.title}. {table.note} {table.footer}')}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line(heads),
        r"\midrule",
        *_rows(table, table.rows, cell_text),
    ]
    if table.differences:
        title = rf"\multicolumn{{{len(heads)}}}{{l}}{{Paired differences}}"
        lines += [r"\midrule", _line([title]), *_rows(table, table.differences, difference_text)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _rows(
    table: Table, rows: Sequence[Row], text: Callable[[Summary, Column], CellText]
) -> list[str]:
    return [
        _line(
            [
                *(_escaped(getattr(row.labels, name)) for name in table.shown_labels),
                str(row.n_samples),
                *(
                    _cell(text(cell, column), best=best)
                    for cell, column, best in zip(row.cells, table.columns, row.best, strict=True)
                ),
            ]
        )
        for row in rows
    ]


def _cell(text: CellText, *, best: bool) -> str:
    mean = rf"\mathbf{{{text.mean}}}" if best else text.mean
    spread = text.spread.replace("±", r"\pm").replace("[", r"\ [")
    number = f"${mean} {spread}$".replace(" $", "$")
    return f"{number} {text.missing}".strip().replace("$–$", "--")


def _heading(column: Column) -> str:
    return _escaped(column.heading) + _ARROWS[column.better]


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_apart(*neighbours) for neighbours in pairwise(f" {text}"))


def _apart(before: str, character: str) -> str:
    joined = character == before and character in _LIGATURES
    return ("{}" if joined else "") + _SPECIAL.get(character, character)
