"""What a search is worth against exact greedy, from the rows of `quality.json`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap
from searches import EXACT
from store import Row

_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Means of one search over the samples that exact greedy has too."""

    search: str
    samples: int
    passes: float
    insertion: float
    deletion: float
    gap: float
    share: float
    """Mean gap as a share of exact greedy's."""
    share_interval: tuple[float, float]
    """95 %, by a bootstrap that draws samples with both searches; NaN for fewer than two."""


def gains(
    rows: Iterable[Row],
    *,
    target: str,
    regions_asked: int = 64,
    dtype: str = "float32",
    family: str | None = None,
) -> list[Gain]:
    """A gain for each search, in the order of the file; none without exact greedy.

    Args:
        rows: of `quality.json`.
        target: "sentence" or "word".
        regions_asked: N.
        dtype: precision of the models.
        family: one demo model; None pools all of them, each sample with equal weight.
    """
    by_search: dict[str, dict[tuple[str, int], Row]] = {}
    for row in rows:
        question = (row["target"], row["regions_asked"], row["dtype"])
        if question == (target, regions_asked, dtype) and family in (None, row["family"]):
            by_search.setdefault(row["search"], {})[row["family"], row["seed"]] = row
    exact = by_search.get(EXACT, {})
    return [
        _gain(search, [(own[sample], exact[sample]) for sample in own if sample in exact])
        for search, own in by_search.items()
        if own.keys() & exact.keys()
    ]


def _gain(search: str, pairs: Sequence[tuple[Row, Row]]) -> Gain:
    columns = ("passes", "insertion", "deletion", "gap")
    own = {name: np.array([row[name] for row, _ in pairs], dtype=float) for name in columns}
    exact = np.array([row["gap"] for _, row in pairs], dtype=float)
    means = {name: float(values.mean()) for name, values in own.items()}
    return Gain(
        search=search,
        samples=len(pairs),
        share=means["gap"] / float(exact.mean()),
        share_interval=_interval(own["gap"], exact),
        **means,
    )


def _interval(
    values: Float[np.ndarray, " samples"], others: Float[np.ndarray, " samples"]
) -> tuple[float, float]:
    """Of the ratio of the two means, samples drawn together."""
    if len(values) < 2:
        return float("nan"), float("nan")
    found = bootstrap(
        (values, others),
        lambda one, other, axis: one.mean(axis=axis) / other.mean(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=_RESAMPLES,
        rng=np.random.default_rng(0),
    )
    low, high = found.confidence_interval
    return float(low), float(high)
