"""Tables about detectors, for hallucination_tables.py."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter

import numpy as np
from hallucination_lines import TITLES, Row, interval, rows, table

from eagle_mllm.hallucination.calibration import Logistic, average_precision
from eagle_mllm.metrics import evidence_auroc

RIVALS = {
    "log_probability": "−log p",
    "entropy": "entropy",
    "log_ratio": "blank-image log ratio (two passes)",
    "svar": "SVAR (attention, white box)",
    "internal": "Internal Confidence (logit lens, white box)",
    "glsim": "GLSim (hidden states, white box)",
    "again": "asked again in other words",
}
CONTROLS = {
    "fast": "none",
    "blank": "blank image",
    "shuffled": "8 × 8 patches shuffled",
    "cut": "the question names something else",
}
PLACES = (("first five tokens", 0, 5), ("to the twelfth", 5, 12), ("later", 12, 99))


def auroc(score: Callable[[Row], float]) -> Callable[[Sequence[Row]], float]:
    """Chance that a wrong claim has a lower score than a right one."""

    def measure(rows_: Sequence[Row]) -> float:
        scores = np.array([-score(row) for row in rows_], dtype=float)
        return evidence_auroc(scores, np.array([row["wrong"] for row in rows_], dtype=bool))

    return measure


def doubt(model: Logistic, row: Row) -> float:
    """A calibrated score, larger where a claim is supported."""
    return -model(row)


def difference(
    rows_: Sequence[Row], *, ours: Callable[[Row], float], rival: Callable[[Row], float]
) -> float:
    """AUROC of one score less that of another, on the same claims."""
    return auroc(ours)(rows_) - auroc(rival)(rows_)


def precision(rows_: Sequence[Row], score: Callable[[Row], float]) -> float:
    """Average precision of finding the wrong claims."""
    scores = np.array([-score(row) for row in rows_], dtype=float)
    return average_precision(scores, np.array([row["wrong"] for row in rows_], dtype=bool))


def detect_table(
    shipped: dict[str, Logistic], kind: str, models: Sequence[str], chosen: Callable[[Row], bool]
) -> str:
    """AUROC of every score, and its average precision."""
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
        scored += [(title, some, partial(doubt, model)) for title, (some, model) in ours.items()]
        for title, some, score in scored:
            n_wrong = sum(row["wrong"] for row in some)
            if not 0 < n_wrong < len(some):
                continue
            lead = partial(difference, ours=partial(doubt, ours["ours, fast (calibrated)"][1]))
            body.append(
                [
                    TITLES[name],
                    title,
                    f"{len(some)} ({n_wrong} wrong)",
                    interval(some, auroc(score)),
                    "–" if "ours" in title else interval(some, partial(lead, rival=score)),
                    f"{precision(some, score):.3f}",
                ]
            )
    return table(
        (
            "model",
            "score",
            "claims",
            "AUROC",
            "AUROC of ours, fast, less this",
            "average precision",
        ),
        body,
    )


def control_table(shipped: dict[str, Logistic]) -> str:
    """What is left of the scores where nothing is left to judge by."""
    body = []
    for control, title in CONTROLS.items():
        for kind in ("answer", "word"):
            some = rows(f"probe-llava-habit-held-out-{control}", kind)
            some = [row for row in some if row["first"]]
            n_wrong = sum(row["wrong"] for row in some)
            if not 0 < n_wrong < len(some):
                continue
            scores = (partial(doubt, shipped[f"{kind}-fast"]), itemgetter("log_probability"))
            body.append(
                [
                    title,
                    {"answer": "yes or no", "word": "words"}[kind],
                    f"{len(some)} ({n_wrong} wrong)",
                    *(interval(some, auroc(score)) for score in scores),
                ]
            )
    return table(("control", "claims", "n", "AUROC, ours (fast)", "AUROC, −log p"), body)


def place_table(shipped: dict[str, Logistic]) -> str:
    """The same by place in the description, since words that come late are wrong more often."""
    body = []
    for name, title in TITLES.items():
        some = rows(f"probe-{name}-held-out-fast", "word")
        for label, low, high in PLACES:
            there = [row for row in some if low <= row["place"] < high]
            n_wrong = sum(row["wrong"] for row in there)
            if not 0 < n_wrong < len(there):
                continue
            ours = partial(doubt, shipped["word-fast"])
            body.append(
                [
                    title,
                    label,
                    f"{len(there)} ({n_wrong} wrong)",
                    interval(there, auroc(ours)),
                    interval(there, auroc(lambda row: row["log_probability"])),
                ]
            )
    return table(("model", "place", "claims", "AUROC, ours (fast)", "AUROC, −log p"), body)
