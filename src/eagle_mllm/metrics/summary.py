"""From one number per sample to a mean with its uncertainty, and to a fair comparison.

Numbers come as they are, NaN for a sample without one. NaN is left out of the mean and counted:
a summary always says how many numbers it stands on and how many are missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from eagle_mllm.errors import ResultError

LEVEL = 0.95
"""How often an interval should hold the true mean."""

# The ends of an interval then move by 1 or 2 % of its width from seed to seed.
_RESAMPLES = 2000

Values = Sequence[float | bool] | Shaped[np.ndarray, " samples"]
"""One number or truth value per sample, NaN where there is none."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A mean over samples with its 95 % interval."""

    mean: float
    """Mean of the numbers there are; NaN if there are none."""

    low: float
    """Lower end of the interval; NaN below two numbers."""

    high: float
    """Upper end of the interval; NaN below two numbers."""

    n: int
    """How many numbers the mean stands on."""

    n_missing: int
    """How many samples had none."""

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0: for a difference, that it is no accident."""
        return self.low > 0 or self.high < 0


def summarize(values: Values, *, rng: np.random.Generator) -> Summary:
    """Mean and 95 % percentile bootstrap interval over samples (Efron & Tibshirani 1993, ch. 13).

    Samples are drawn again with replacement and averaged, 2,000 times; the interval holds the
    middle 95 % of these means. It speaks about samples like these, not about seeds or models.
    Where all numbers are equal it has no width.

    Args:
        values: one number per sample, NaN where there is none
        rng: source of chance; equal generators give equal intervals
    """
    array = np.asarray(values, dtype=np.float64)
    known = array[~np.isnan(array)]
    low, high = _interval(known, rng=rng)
    return Summary(
        mean=float(known.mean()) if len(known) else float("nan"),
        low=low,
        high=high,
        n=len(known),
        n_missing=len(array) - len(known),
    )


def paired_difference(first: Values, second: Values, *, rng: np.random.Generator) -> Summary:
    """Mean of first − second on the same samples, with its interval.

    Two methods agree about which samples are hard, so the difference is known better than either
    mean. A sample that lacks a number on either side is missing.

    Args:
        first: one number per sample, NaN where there is none
        second: the same samples in the same order
        rng: source of chance; equal generators give equal intervals

    Raises:
        ResultError: the two are not of the same number of samples
    """
    if len(first) != len(second):
        raise ResultError(
            f"a paired difference needs the same samples twice; got {len(first)} and {len(second)}"
        )
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return summarize(difference, rng=rng)


def _interval(
    known: Float[np.ndarray, " known"], *, rng: np.random.Generator
) -> tuple[float, float]:
    if len(known) < 2:  # one number says nothing about the spread
        return float("nan"), float("nan")
    drawn = rng.integers(len(known), size=(_RESAMPLES, len(known)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known[drawn].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)
