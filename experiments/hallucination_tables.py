"""The calibrations that ship, and the tables of docs/hallucination.md, from the collected lines.

python experiments/hallucination_tables.py
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eagle_mllm.hallucination.calibration import (
    Logistic,
    average_precision,
    calibration_error,
    fit_logistic,
)
from eagle_mllm.metrics import evidence_auroc, summarize

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results" / "hallucination"
PAGE = ROOT / "docs" / "hallucination.md"
SHIPPED = ROOT / "src" / "eagle_mllm" / "hallucination" / "calibrations.json"

TITLES = {
    "llava": "LLaVA",
    "qwen2_5_vl": "Qwen2.5-VL",
    "internvl": "InternVL",
    "llava-habit": "LLaVA with habits",
}
FAST = ("log_probability", "log_ratio", "again")
THOROUGH = (*FAST, "drop", "again_there")
RIVALS = {
    "log_probability": "−log p",
    "entropy": "entropy",
    "log_ratio": "blank-image log ratio (two passes)",
    "svar": "SVAR (attention, white box)",
    "internal": "Internal Confidence (logit lens, white box)",
    "again": "asked again in other words",
}
Row = dict[str, Any]
Value = Callable[[np.ndarray], float]


def lines(name: str) -> list[Row]:
    """The lines of a file; none where it is not there."""
    path = RESULTS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rows(name: str, kind: str | None = None) -> list[Row]:
    """The rows of all lines, each with its scene."""
    found = [{**row, "scene": line["key"]} for line in lines(name) for row in line["rows"]]
    return [row for row in found if kind is None or row["kind"] == kind]


def interval(rows_: Sequence[Row], measure: Callable[[Sequence[Row]], float]) -> str:
    """A measure with its 95 % bootstrap interval over scenes."""
    scenes: dict[str, list[Row]] = {}
    for row in rows_:
        scenes.setdefault(row["scene"], []).append(row)
    rng, groups = np.random.default_rng(0), list(scenes.values())
    values = []
    for _ in range(500):
        drawn = rng.integers(len(groups), size=len(groups))
        values.append(measure([row for index in drawn for row in groups[index]]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return f"{measure(rows_):.3f} [{low:.3f}, {high:.3f}]"


def auroc(score: Callable[[Row], float]) -> Callable[[Sequence[Row]], float]:
    """Chance that a wrong claim has a lower score than a right one."""

    def measure(rows_: Sequence[Row]) -> float:
        scores = np.array([-score(row) for row in rows_], dtype=float)
        return evidence_auroc(scores, np.array([row["wrong"] for row in rows_], dtype=bool))

    return measure


def precision(rows_: Sequence[Row], score: Callable[[Row], float]) -> float:
    """Average precision of finding the wrong claims."""
    scores = np.array([-score(row) for row in rows_], dtype=float)
    return average_precision(scores, np.array([row["wrong"] for row in rows_], dtype=bool))


def fitted(kind: str, names: Sequence[str], training: Sequence[Row]) -> Logistic | None:
    """A calibration of one kind of claim; None where the lines are too few."""
    chosen = [row for row in training if row["kind"] == kind]
    labels = np.array([row["wrong"] for row in chosen], dtype=bool)
    if not labels.any() or labels.all():
        return None
    scores = np.array([[row[name] for name in names] for row in chosen], dtype=float)
    return fit_logistic(names, scores, labels)


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


def table(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    marks = ["---"] * len(heads)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, marks, *body))


def mean(values: Sequence[float]) -> str:
    """A mean with its 95 % interval."""
    found = summarize(np.array(values, dtype=float), rng=np.random.default_rng(0))
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _area(value: float | None) -> float:
    return 1.0 if value is None else value


def correct_table() -> str:
    """The direct search and its controls on every wrong answer."""
    body = []
    for name, title in TITLES.items():
        wrong = rows(f"correct-{name}-direct")
        if not wrong:
            continue
        asked = sum(line["asked"] for line in lines(f"correct-{name}-direct"))
        found = [row for row in wrong if row["area"] is not None]
        cut = [_area(row.get("split_area", row["area"])) for row in wrong]
        attended = [_area(row.get("attended_area")) for row in wrong]
        body.append(
            [
                f"{title} ({len(wrong)} of {asked})",
                mean([_area(row["area"]) for row in wrong]),
                mean(cut),
                f"{np.mean([_area(row['area']) <= 0.1 for row in wrong]):.1%}",
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
        paper = [_area(row["paper_area"]) for row in wrong]
        pruned = [_area(row["pruned_area"]) for row in wrong]
        ours = [_area(row["area"]) for row in wrong]
        better = [min(pair) for pair in zip(ours, pruned, strict=True)]
        for label, values in (
            ("the paper's order", paper),
            ("the same, pruned", pruned),
            ("direct search alone", ours),
            ("`diagnose` (the smaller of the two)", better),
            ("`diagnose`, regions cut", [_area(row.get("split_area")) for row in wrong]),
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


def detect_table(kind: str, models: Sequence[str], chosen: Callable[[Row], bool]) -> str:
    """AUROC of every score, and its average precision."""
    shipped = calibrate()
    body = []
    for name in models:
        fast = [row for row in rows(f"probe-{name}-held-out-fast", kind) if chosen(row)]
        deep = [row for row in rows(f"probe-{name}-held-out-thorough", kind) if chosen(row)]
        ours = {
            "ours, fast (calibrated)": (fast, shipped[f"{kind}-fast"]),
            "ours, with the scan (calibrated)": (deep, shipped[f"{kind}-thorough"]),
        }
        scored: list[tuple[str, list[Row], Callable[[Row], float]]] = [
            (title, fast, lambda row, score=score: row[score]) for score, title in RIVALS.items()
        ]
        scored += [
            (title, some, lambda row, model=model: -model(row))
            for title, (some, model) in ours.items()
        ]
        for title, some, score in scored:
            n_wrong = sum(row["wrong"] for row in some)
            if not 0 < n_wrong < len(some):
                continue
            body.append(
                [
                    TITLES[name],
                    title,
                    f"{len(some)} ({n_wrong} wrong)",
                    interval(some, auroc(score)),
                    f"{precision(some, score):.3f}",
                ]
            )
    return table(("model", "score", "claims", "AUROC", "average precision"), body)


def calibration_table() -> str:
    """How far the probabilities can be believed, on held-out scenes."""
    shipped = calibrate()
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


def cause_table() -> str:
    """How often what is blamed is the planted cause."""
    direct = [row for row in rows("correct-llava-habit-direct") if "cause_hit" in row]
    order = [
        row for row in rows("correct-llava-habit-order") if row.get("paper_cause_hit") is not None
    ]
    body = []
    for title, hits, chance in (
        (
            "what the direct search hides",
            [row["cause_hit"] for row in direct],
            [row["cause_chance"] for row in direct],
        ),
        (
            "what the paper's order hides",
            [row["paper_cause_hit"] for row in order],
            [row["cause_chance"] for row in order],
        ),
    ):
        if hits:
            touched = f"{np.mean([hit > 0 for hit in hits]):.1%}"
            body.append([title, str(len(hits)), touched, mean(hits), f"{np.mean(chance):.3f}"])
    heads = (
        "regions",
        "wrong answers by habit",
        "touches the trigger",
        "share of its pixels on the trigger",
        "random regions",
    )
    return table(heads, body)


def _odds(row: Row, log_p: float) -> float:
    """Log-odds of yes, of the probability of the answer given."""
    p = min(max(float(np.exp(log_p)), 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p))) * (1 if row["says"] == "yes" else -1)


def decoded(row: Row, shipped: dict[str, Logistic]) -> dict[str, float]:
    """Log-odds of yes by every way of decoding."""
    whole = _odds(row, row["log_probability"])
    noised = _odds(row, row["noised"])
    blank = _odds(row, row["log_probability"] - row["log_ratio"])
    without = _odds(row, row["log_probability"] + np.log(max(1 - row["drop"], 1e-6)))
    doubted = shipped["answer-fast"](row) >= 0.5
    deeply = shipped["answer-thorough"](row) >= 0.5
    return {
        "greedy": whole,
        "VCD (noised image)": 2 * whole - noised,
        "contrast with the blank image": 2 * whole - blank,
        "contrast with the image without the evidence": 2 * whole - without,
        "the same, turned round": 2 * without - whole,
        "turned where `audit --fast` doubts": -whole if doubted else whole,
        "`audit --fix`: without the evidence where it doubts": without if deeply else whole,
    }


def mitigate_table() -> str:
    """What each way of decoding does to all existence questions, right answers included."""
    shipped, body = calibrate(), []
    for name, title in TITLES.items():
        some = rows(f"probe-{name}-held-out-thorough", "answer")
        some = some or rows(f"probe-{name}-held-out-fast", "answer")
        if not some:
            continue
        is_deep = bool(rows(f"probe-{name}-held-out-thorough", "answer"))
        truth = np.array([(row["says"] == "yes") != row["wrong"] for row in some])
        ways = [decoded(row, shipped) for row in some]
        greedy = np.array([way["greedy"] for way in ways])
        for label in ways[0]:
            if (not is_deep and "evidence" in label) or (not is_deep and "turned round" in label):
                continue
            odds = np.array([way[label] for way in ways])
            says = odds > 0
            limit = np.quantile(greedy, 1 - says.mean()) if 0 < says.mean() < 1 else 0.0
            trivial = greedy > limit
            body.append(
                [
                    f"{title} ({len(some)})",
                    label,
                    mean((says == truth).tolist()),
                    f"{_f1(says, truth):.3f}",
                    f"{says.mean():.3f}",
                    str(
                        int(
                            ((greedy > 0) == truth).sum()
                            - ((greedy > 0) & truth & says).sum()
                            - (~(greedy > 0) & ~truth & ~says).sum()
                        )
                    ),
                    f"{(trivial == truth).mean():.3f}",
                ]
            )
    heads = (
        "model (questions)",
        "decoding",
        "accuracy",
        "F1",
        "yes-rate",
        "right answers broken",
        "trivial, equal yes-rate: accuracy",
    )
    return table(heads, body)


def _f1(says: np.ndarray, truth: np.ndarray) -> float:
    hits = int((says & truth).sum())
    return 2 * hits / max(1, int(says.sum() + truth.sum()))


def main() -> None:
    """Renew the tables of the page."""
    tables = {
        "correct": correct_table(),
        "order": order_table(),
        "cause": cause_table(),
        "mitigate": mitigate_table(),
        "detect-habit": detect_table(
            "answer", ["llava-habit"], lambda row: row["brought"] and row["says"] == "yes"
        ),
        "detect-answer": detect_table("answer", list(TITLES), bool),
        "detect-confident": detect_table(
            "answer", list(TITLES), lambda row: row["log_probability"] > np.log(0.9)
        ),
        "detect-word": detect_table("word", list(TITLES), lambda row: row["first"]),
        "calibration": calibration_table(),
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
