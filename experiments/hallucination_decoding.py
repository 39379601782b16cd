"""Tables about planted causes, and about other ways to decode, for hallucination_tables.py."""

from collections.abc import Sequence

import numpy as np
from hallucination_lines import TITLES, Row, mean, rows, table

from eagle_mllm.hallucination.calibration import Logistic


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


def decoded(row: Row, shipped: dict[str, Logistic], depth: str) -> dict[str, float]:
    """Log-odds of yes by every way of decoding for which a scan of this depth is enough."""
    whole = _odds(row, row["log_probability"])
    noised = _odds(row, row["noised"])
    blank = _odds(row, row["log_probability"] - row["log_ratio"])
    if depth == "fast":
        doubted = shipped["answer-fast"](row) >= 0.5
        return {
            "greedy": whole,
            "VCD (noised image)": 2 * whole - noised,
            "contrast with the blank image": 2 * whole - blank,
            "turned where `audit --fast` doubts": -whole if doubted else whole,
        }
    without = _odds(row, row["log_probability"] + np.log(max(1 - row["drop"], 1e-6)))
    doubted = shipped["answer-thorough"](row) >= 0.5
    return {
        "greedy": whole,
        "contrast with the image without the evidence": 2 * whole - without,
        "the same, turned round (the evidence counts less)": 2 * without - whole,
        "`audit --fix`: without the evidence where it doubts": without if doubted else whole,
    }


def _judged(some: Sequence[Row], odds: np.ndarray, greedy: np.ndarray) -> list[str]:
    """Accuracy, F1, yes-rate, right answers broken, and the trivial rival of equal yes-rate."""
    truth = np.array([(row["says"] == "yes") != row["wrong"] for row in some])
    says, said = odds > 0, greedy > 0
    limit = np.quantile(greedy, 1 - says.mean()) if 0 < says.mean() < 1 else 0.0
    return [
        mean((says == truth).tolist()),
        f"{_f1(says, truth):.3f}",
        f"{says.mean():.3f}",
        str(int(((said == truth) & (says != truth)).sum())),
        f"{((greedy > limit) == truth).mean():.3f}",
    ]


def mitigate_table(shipped: dict[str, Logistic]) -> str:
    """What each way of decoding does to all existence questions, right answers included."""
    body = []
    for name, title in TITLES.items():
        for depth in ("fast", "thorough"):
            some = rows(f"probe-{name}-held-out-{depth}", "answer")
            ways = [decoded(row, shipped, depth) for row in some]
            for label in ways[0] if ways else ():
                odds = np.array([way[label] for way in ways])
                greedy = np.array([way["greedy"] for way in ways])
                body.append([f"{title} ({len(some)})", label, *_judged(some, odds, greedy)])
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
