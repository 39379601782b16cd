"""From scores to a probability, and how far such probabilities can be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.errors import ResultError

_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """P(y) = 1 / (1 + exp(−(bias + Σ weight · score)))."""

    names: tuple[str, ...]
    """Of the scores, in the order of the weights."""

    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        if len(self.names) != len(self.weights):
            raise ResultError(
                f"{len(self.names)} scores need as many weights; got {len(self.weights)}"
            )

    def __call__(self, scores: Mapping[str, float]) -> float:
        """The probability for scores by name, in [0, 1].

        Raises:
            ResultError: a score is missing
        """
        missing = [name for name in self.names if name not in scores]
        if missing:
            raise ResultError(f"the score {missing[0]!r} is missing; got {', '.join(scores)}")
        row = np.array([[scores[name] for name in self.names]], dtype=np.float64)
        return float(_sigmoid(row @ np.array(self.weights) + self.bias)[0])


def fit_logistic(
    names: Sequence[str],
    scores: Float[np.ndarray, "samples scores"],
    labels: Bool[np.ndarray, " samples"],
    *,
    ridge: float = 1e-3,
) -> Logistic:
    """The logistic model of largest likelihood, by Newton's method.

    A ridge on standardised weights keeps them finite where the classes part cleanly.

    Args:
        names: of the columns
        scores: one row for each sample, finite
        labels: what is to be predicted; both values must occur
        ridge: its strength for each sample; more of it where samples are few

    Raises:
        ResultError: there is one class only, or a score is not finite
    """
    if labels.all() or not labels.any() or not np.isfinite(scores).all():
        raise ResultError("a calibration needs finite scores of both classes; collect more samples")
    mean, scale = scores.mean(axis=0), scores.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    rows = np.column_stack([(scores - mean) / scale, np.ones(len(scores))])
    penalty = np.diag([ridge * len(scores)] * scores.shape[1] + [0.0])
    weights = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        p = _sigmoid(rows @ weights)
        gradient = rows.T @ (p - labels) + penalty @ weights
        hessian = (rows * (p * (1 - p))[:, np.newaxis]).T @ rows + penalty
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(weights)), gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    raw = weights[:-1] / scale
    return Logistic(
        names=tuple(names),
        weights=tuple(float(round(weight, 4)) for weight in raw),
        bias=float(round(weights[-1] - raw @ mean, 4)),
    )


class Bin(NamedTuple):
    """Samples whose probabilities are alike: what was promised, and what came."""

    promised: float
    came: float
    n: int


def reliability(
    probability: Float[np.ndarray, " samples"],
    labels: Bool[np.ndarray, " samples"],
    *,
    bins: int = 10,
) -> tuple[Bin, ...]:
    """The points of a calibration plot: bins of equal width that hold any sample.

    Args:
        probability: in [0, 1]
        labels: whether it came
        bins: how many equal parts of [0, 1]
    """
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return tuple(
        Bin(float(probability[at].mean()), float(labels[at].mean()), int(at.sum()))
        for at in (place == number for number in range(bins))
        if at.any()
    )


def calibration_error(
    probability: Float[np.ndarray, " samples"], labels: Bool[np.ndarray, " samples"]
) -> float:
    """Mean distance of what was promised from what came, over the samples; 0 is perfect."""
    points = reliability(probability, labels)
    return sum(one.n * abs(one.promised - one.came) for one in points) / len(labels)


def average_precision(
    scores: Float[np.ndarray, " samples"], labels: Bool[np.ndarray, " samples"]
) -> float:
    """Mean over the positives of the precision at their score; ties count together.

    Returns:
        NaN if there is no positive
    """
    if not labels.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(labels[order])
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    ends = np.flatnonzero(last_of_tie)
    found = hits[ends]
    gained = np.diff(np.concatenate([[0], found]))
    return float((gained * found / (ends + 1)).sum() / labels.sum())


def _sigmoid(values: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " samples"]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -40, 40))))
