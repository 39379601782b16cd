"""The calibrations that ship, and the tables of docs/hallucination.md, from the collected lines.

python experiments/hallucination_tables.py
"""

import json
from collections.abc import Sequence

import numpy as np
from hallucination_captions import caption_table
from hallucination_costs import cost_table
from hallucination_decoding import cause_table, mitigate_table
from hallucination_detecting import control_table, detect_table, place_table
from hallucination_lines import ROOT, TITLES, Row, area, lines, mean, rows, table

from eagle_mllm.hallucination.calibration import (
    Logistic,
    calibration_error,
    fit_logistic,
    reliability,
)

PAGE = ROOT / "docs" / "hallucination.md"
PLOT = ROOT / "docs" / "images" / "hallucination-calibration.png"
SHIPPED = ROOT / "src" / "eagle_mllm" / "hallucination" / "calibrations.json"

FAST = ("log_probability", "log_ratio", "again")
RIDGE = 0.02
"""The samples are few."""

THOROUGH = (*FAST, "drop", "again_there")


def fitted(kind: str, names: Sequence[str], training: Sequence[Row]) -> Logistic | None:
    """A calibration of one kind of claim; None where the lines are too few."""
    chosen = [row for row in training if row["kind"] == kind]
    labels = np.array([row["wrong"] for row in chosen], dtype=bool)
    if not labels.any() or labels.all():
        return None
    scores = np.array([[row[name] for name in names] for row in chosen], dtype=float)
    return fit_logistic(names, scores, labels, ridge=RIDGE)


def calibrate() -> dict[str, Logistic]:
    """Fit the calibrations on training scenes and write them where they ship."""
    found: dict[str, Logistic] = {}
    fast = [row for name in TITLES for row in rows(f"probe-{name}-train-fast")]
    deep = [row for name in TITLES for row in rows(f"probe-{name}-train-thorough")]
    for kind in ("answer", "word"):
        for depth, names, training in (("fast", FAST, fast), ("thorough", THOROUGH, deep)):
            model = fitted(kind, names, training)
            if model is not None:
                found[f"{kind}-{depth}"] = model
    stored = json.loads(SHIPPED.read_text())["calibrations"]
    stored |= {
        name: {"names": model.names, "weights": model.weights, "bias": model.bias}
        for name, model in found.items()
    }
    counts = {
        f"{row_kind}-{depth}": len([row for row in training if row["kind"] == row_kind])
        for row_kind in ("answer", "word")
        for depth, training in (("fast", fast), ("thorough", deep))
    }
    content = {"made_by": "experiments/hallucination_tables.py", "fitted_on": counts}
    SHIPPED.write_text(json.dumps({**content, "calibrations": stored}, indent=2) + "\n")
    return {
        name: Logistic(names=tuple(one["names"]), weights=tuple(one["weights"]), bias=one["bias"])
        for name, one in stored.items()
    }


def correct_table() -> str:
    """The direct search and its controls on every wrong answer."""
    body = []
    for name, title in TITLES.items():
        file = (
            f"correct-{name}-direct" if lines(f"correct-{name}-direct") else f"correct-{name}-order"
        )
        wrong = rows(file)
        if not wrong:
            continue
        asked = sum(line["asked"] for line in lines(file))
        found = [row for row in wrong if row["area"] is not None]
        cut = [area(row.get("split_area", row["area"])) for row in wrong]
        attended = [area(row.get("attended_area")) for row in wrong]
        body.append(
            [
                f"{title} ({len(wrong)} of {asked})",
                mean([area(row["area"]) for row in wrong]),
                mean(cut),
                f"{np.mean([area(row['area']) <= 0.1 for row in wrong]):.1%}",
                f"{np.mean([row['passes'] for row in wrong]):.0f}",
                f"{np.mean([row['random'] for row in found]):.1%}",
                f"{np.mean([row['attended'] for row in found]):.1%}",
                mean(attended),
            ]
        )
    heads = (
        "model (wrong of asked)",
        "AMCR, regions",
        "AMCR, regions cut",
        "CSR@10%",
        "passes",
        "random, equal area: corrected",
        "attended, equal area: corrected",
        "AMCR, attended first",
    )
    return table(heads, body)


def order_table() -> str:
    """The paper's order beside the direct search, on the same wrong answers."""
    body = []
    for name, title in TITLES.items():
        wrong = rows(f"correct-{name}-order")
        if not wrong:
            continue
        paper = [area(row["paper_area"]) for row in wrong]
        pruned = [area(row["pruned_area"]) for row in wrong]
        ours = [area(row["area"]) for row in wrong]
        better = [min(pair) for pair in zip(ours, pruned, strict=True)]
        cut = [min(area(row.get("split_area")), area(row["pruned_area"])) for row in wrong]
        for label, values in (
            ("the paper's order", paper),
            ("the same, pruned", pruned),
            ("direct search alone", ours),
            ("`diagnose` (the smaller of the two)", better),
            ("`diagnose`, regions cut", cut),
        ):
            body.append(
                [
                    f"{title} ({len(wrong)})",
                    label,
                    mean(values),
                    f"{np.mean([value <= 0.1 for value in values]):.1%}",
                ]
            )
        worse = sum(a > b + 1e-9 for a, b in zip(ours, pruned, strict=True))
        passes = (
            np.mean([row["passes"] for row in wrong]),
            np.mean([row["order_passes"] for row in wrong]),
        )
        body.append(
            [
                f"{title} ({len(wrong)})",
                f"passes: direct {passes[0]:.0f}, order {passes[1]:.0f} more; direct alone is "
                f"worse than the pruned order on {worse}",
                "",
                "",
            ]
        )
    return table(("model (wrong answers)", "correction", "AMCR", "CSR@10%"), body)


def calibration_table(shipped: dict[str, Logistic]) -> str:
    """How far the probabilities can be believed, on held-out scenes."""
    body = []
    for name, title in TITLES.items():
        for kind in ("answer", "word"):
            for depth in ("fast", "thorough"):
                some = rows(f"probe-{name}-held-out-{depth}", kind)
                if not some:
                    continue
                p = np.array([shipped[f"{kind}-{depth}"](row) for row in some])
                wrong = np.array([row["wrong"] for row in some], dtype=bool)
                body.append(
                    [
                        title,
                        f"{kind}, {depth}",
                        str(len(some)),
                        f"{p.mean():.3f}",
                        f"{wrong.mean():.3f}",
                        f"{calibration_error(p, wrong):.3f}",
                    ]
                )
    return table(("model", "claims", "n", "promised", "came", "calibration error"), body)


def draw_calibration(shipped: dict[str, Logistic]) -> None:
    """What was promised against what came, on held-out scenes; the size of a dot is its number."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), dpi=110)
    FigureCanvasAgg(figure)
    for place, kind in enumerate(("answer", "word"), start=1):
        axes = figure.add_subplot(1, 2, place)
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
        for name, title in TITLES.items():
            some = rows(f"probe-{name}-held-out-fast", kind)
            if some:
                p = np.array([shipped[f"{kind}-fast"](row) for row in some])
                points = reliability(
                    p, np.array([row["wrong"] for row in some], dtype=bool), bins=5
                )
                x, y, n = zip(*points, strict=True)
                axes.plot(x, y, linewidth=1, alpha=0.6)
                axes.scatter(x, y, s=[8 + 6 * count**0.5 for count in n], label=title)
        axes.set_title({"answer": "yes or no", "word": "words of descriptions"}[kind], fontsize=9)
        axes.set_xlabel("promised: not supported", fontsize=8)
        axes.set_ylabel("came: wrong", fontsize=8)
        axes.legend(fontsize=7, frameon=False)
    figure.tight_layout()
    figure.savefig(PLOT)


def main() -> None:
    """Renew the calibrations, the tables of the page and its calibration plot."""
    shipped = calibrate()
    draw_calibration(shipped)
    tables = {
        "correct": correct_table(),
        "order": order_table(),
        "cause": cause_table(),
        "mitigate": mitigate_table(shipped),
        "caption": caption_table(),
        "cost": cost_table(),
        "detect-habit": detect_table(
            shipped, "answer", ["llava-habit"], lambda row: row["brought"] and row["says"] == "yes"
        ),
        "detect-answer": detect_table(shipped, "answer", list(TITLES), bool),
        "detect-confident": detect_table(
            shipped, "answer", list(TITLES), lambda row: row["log_probability"] > np.log(0.9)
        ),
        "detect-word": detect_table(shipped, "word", list(TITLES), lambda row: row["first"]),
        "detect-place": place_table(shipped),
        "detect-control": control_table(shipped),
        "calibration": calibration_table(shipped),
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, content in tables.items():
        start, stop = f"<!-- {name} -->", "<!-- end -->"
        if start in text:
            before, rest = text.split(start, 1)
            text = f"{before}{start}\n{content}\n{stop}{rest.split(stop, 1)[1]}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
