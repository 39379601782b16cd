"""A cell as text, for formats with too little room for all its numbers."""

import math
from typing import NamedTuple

from eagle_mllm.metrics.summary import Summary
from eagle_mllm.tables.table import Column

NOTHING = "–"


class CellText(NamedTuple):
    """The parts of a cell, each "" if absent."""

    mean: str
    spread: str
    missing: str
    """How many samples had no number, if any."""

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


def cell_text(summary: Summary, column: Column) -> CellText:
    """Mean ± half the interval's width."""
    if summary.n == 0:
        return CellText(NOTHING, "", _missing(summary))
    spread = ""
    if not math.isnan(summary.low):
        spread = f"± {(summary.high - summary.low) / 2:.{column.decimals}f}"
    return CellText(f"{summary.mean:.{column.decimals}f}", spread, _missing(summary))


def difference_text(summary: Summary, column: Column) -> CellText:
    """Mean with its sign, and both ends of the interval: the question is whether it contains 0."""
    if summary.n == 0:
        return CellText(NOTHING, "", _missing(summary))
    mean, low, high = (
        f"{value:+.{column.decimals}f}" for value in (summary.mean, summary.low, summary.high)
    )
    spread = "" if math.isnan(summary.low) else f"[{low}, {high}]"
    return CellText(mean, spread, _missing(summary))


def heading(column: Column) -> str:
    """A column's heading with an arrow that says which way is better."""
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[column.better]
    return column.heading + arrow


def _missing(summary: Summary) -> str:
    return f"({summary.n_missing} missing)" if summary.n_missing else ""
