"""The table of methods says what the comparison's cells say."""

import csv

import pytest
from faithful import COMPARED, faithful_table

from eagle_mllm.loading import DEMO_TITLES


def _cells(tmp_path, gaps):
    path = tmp_path / "comparison.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "task", "model", "method", "search", "measure", "mean"])
        for (method, search), gap in gaps.items():
            for task in ("caption", "object", "vqa"):
                for place, model in enumerate(DEMO_TITLES):
                    start = ["value", task, f"demo/{model}", method, search]
                    writer.writerow([*start, "faithfulness_gap", gap + place / 10])
                    writer.writerow([*start, "forward_passes", 10 * (place + 1)])
    return path


def test_the_best_method_comes_first_and_models_are_side_by_side(tmp_path):
    gaps = {("tam", "by regions"): 0.1, ("tam", "by pixels"): 0.9, ("eagle", "multilevel"): 0.5}
    table = faithful_table(tmp_path, _cells(tmp_path, gaps))
    assert [row["method"] for row in table.rows] == ["eagle", "tam"]
    shown = [[cell(row) for cell in [*table.columns.values()][1:]] for row in table.rows]
    assert shown == [["0.50 / 0.60 / 0.70"] * 3 + ["20"], ["0.10 / 0.20 / 0.30"] * 3 + ["20"]]


def test_every_cell_of_the_committed_table_is_in_the_comparison(tmp_path):
    with COMPARED.open(newline="") as file:
        means = {
            (row["task"], row["model"], row["method"]): float(row["mean"])
            for row in csv.DictReader(file)
            if row["measure"] == "faithfulness_gap"
            and row["kind"] == "value"
            and row["search"] != "by pixels"
        }
    for row in faithful_table(tmp_path).rows:
        for (task, model), gap in row["gaps"].items():
            assert gap == pytest.approx(means[task, f"demo/{model}", row["method"]])
