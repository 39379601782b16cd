"""How faithful is each method? The gaps of docs/comparison.md, side by side."""

import csv
from pathlib import Path

import numpy as np
from store import ROOT, Row

from eagle_mllm.loading import DEMO_TITLES
from tables import Cell, Table

COMPARED = ROOT / "experiments" / "results" / "comparison.csv"

_TASKS = {"caption": "caption", "object": "one word", "vqa": "answer to a question"}
"""What is explained, in the files → in the table."""


def faithful_table(_: Path, compared: Path = COMPARED) -> Table:
    """Mean gap between insertion and deletion AUC of each method that orders regions, best first.

    Args:
        compared: the numbers of the comparison, one cell a line
    """
    with compared.open(encoding="utf-8", newline="") as file:
        cells = [row for row in csv.DictReader(file) if row["kind"] == "value"]
    cells = [row for row in cells if row["search"] != "by pixels"]
    gaps = _by_method(cells, "faithfulness_gap")
    passes = _by_method(cells, "forward_passes")
    rows = [
        {"method": method, "gaps": gaps[method], "passes": passes[method]}
        for method in sorted(gaps, key=lambda method: -np.mean([*gaps[method].values()]))
    ]
    columns: dict[str, Cell] = {"method": "{method}"}
    for task, title in _TASKS.items():
        columns[title] = lambda row, task=task: _joined(row, task)
    columns["passes for a caption"] = lambda row: f"{_mean(row['passes'], 'caption'):.0f}"
    return Table(columns, rows)


_Cells = dict[tuple[str, str], float]
"""Task and model → mean over samples."""


def _by_method(cells: list[dict[str, str]], measure: str) -> dict[str, _Cells]:
    found: dict[str, _Cells] = {}
    for row in cells:
        if row["measure"] == measure and row["task"] in _TASKS:
            model = row["model"].removeprefix("demo/")
            found.setdefault(row["method"], {})[row["task"], model] = float(row["mean"])
    return found


def _joined(row: Row, task: str) -> str:
    """The gaps of all models, in the order of their titles."""
    return " / ".join(f"{row['gaps'][task, model]:.2f}" for model in DEMO_TITLES)


def _mean(cells: _Cells, task: str) -> float:
    return float(np.mean([cells[task, model] for model in DEMO_TITLES]))
