"""The trace of an order: the one primitive behind saliency, reliance, metrics and plots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Ranking
from eagle_mllm.errors import RegionError, ResultError, TargetError
from eagle_mllm.values import ArrayValue

_ROUNDING = 1e-6
"""How far a sum of shares may be from 1, in files of others."""

Tokens = Sequence[int] | Int[np.ndarray, " chosen"]
"""Some of the target's tokens, by index into the target: 0 is its first token."""


# Differences of probabilities below this are rounding in float32.
_NO_EFFECT = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace(ArrayValue):
    """The target's probability while regions are shown, and while they are hidden, in order.

    Row r of every array belongs to the first r regions of the order, r = 0..N.

    Raises:
        ResultError: the arrays do not fit together or hold no probabilities
    """

    order: Int[np.ndarray, " regions"]
    """π: every region index once, the most decisive first."""

    insertion: Float[np.ndarray, "regions+1 tokens"]
    """p_i(π_:r), float32: only the first r regions are shown."""

    deletion: Float[np.ndarray, "regions+1 tokens"]
    """p_i(V∖π_:r), float32: only the first r regions are hidden."""

    area: Float[np.ndarray, " regions+1"]
    """Share of the image in the first r regions, from 0 to 1: of the pixels that the model sees."""

    insertion_predicted: Int[np.ndarray, "regions+1 tokens"]
    """Vocabulary id that the model prefers at each position while regions are shown."""

    deletion_predicted: Int[np.ndarray, "regions+1 tokens"]
    """The same while regions are hidden."""

    searched: int
    """How many leading regions a search picked one by one; the rest was ranked at its end."""

    def __post_init__(self) -> None:
        self._freeze_arrays()
        _check(self)

    @property
    def has_effect(self) -> bool:
        """Whether what is shown makes any difference to any token of the target."""
        scores = np.concatenate([self.insertion, self.deletion])
        return bool((np.ptp(scores, axis=0) > _NO_EFFECT).any())

    @property
    def n_tokens(self) -> int:
        """How many tokens the target has."""
        return int(self.insertion.shape[1])

    def insertion_curve(self, tokens: Tokens | None = None) -> Float[np.ndarray, " steps"]:
        """Mean probability of the tokens as regions are shown; NaN for no tokens.

        Args:
            tokens: which of the target's tokens; None for all

        Raises:
            TargetError: the target has no such token
        """
        return _token_mean(self.insertion, tokens)

    def deletion_curve(self, tokens: Tokens | None = None) -> Float[np.ndarray, " steps"]:
        """Mean probability of the tokens as regions are hidden; NaN for no tokens.

        Args:
            tokens: which of the target's tokens; None for all

        Raises:
            TargetError: the target has no such token
        """
        return _token_mean(self.deletion, tokens)


def trace_of(
    ranking: Ranking | Int[np.ndarray, " regions"],
    evaluate: Evaluate,
    regions: Regions,
    *,
    seen: Bool[np.ndarray, " regions"] | None = None,
) -> Trace:
    """Replays an order: p(π_:r) and p(V∖π_:r) for r = 0..N.

    After a search, an evaluator remembers nearly all of it.

    Args:
        ranking: what a search returned, or any order of all regions
        evaluate: scores of subsets
        regions: the partition, for its areas
        seen: True where the model can see a region; only those have an area. None for all

    Raises:
        RegionError: the order does not hold every region exactly once
    """
    if not isinstance(ranking, Ranking):
        ranking = Ranking(order=ranking, searched=len(ranking))
    order, n_regions = ranking.order, len(regions)
    if not _is_permutation(order) or len(order) != n_regions:
        raise RegionError(
            f"an order holds each of the {n_regions} regions once; got {len(order)} entries, "
            f"{len(np.unique(order))} of them different"
        )
    rank = np.argsort(order)
    shown = rank[np.newaxis, :] < np.arange(n_regions + 1)[:, np.newaxis]
    scores = evaluate(np.concatenate([shown, ~shown]))
    insertion, deletion = np.split(scores.probability, 2)
    insertion_predicted, deletion_predicted = np.split(scores.predicted, 2)
    return Trace(
        order=order,
        insertion=insertion,
        deletion=deletion,
        area=_shown_area(_seen_areas(regions, seen)[order]),
        insertion_predicted=insertion_predicted,
        deletion_predicted=deletion_predicted,
        searched=ranking.searched,
    )


def area_under(curve: Float[np.ndarray, " steps"], area: Float[np.ndarray, " steps"]) -> float:
    """Area under a curve over the share of image area, by the trapezoid rule.

    Args:
        curve: value at each step
        area: share of the image at each step, rising from 0 to 1
    """
    return float(np.trapezoid(curve.astype(np.float64), area))


def _seen_areas(
    regions: Regions, seen: Bool[np.ndarray, " regions"] | None
) -> Float[np.ndarray, " regions"]:
    if seen is None or not seen.any():
        return regions.areas
    return np.where(seen, regions.areas, 0.0)


def _shown_area(areas: Float[np.ndarray, " regions"]) -> Float[np.ndarray, " steps"]:
    area = np.concatenate([[0.0], np.cumsum(areas, dtype=np.float64)])
    return np.asarray(area / area[-1])  # ends in 1 exactly, whatever the sum was rounded to


def _token_mean(
    values: Float[np.ndarray, "steps tokens"], tokens: Tokens | None
) -> Float[np.ndarray, " steps"]:
    n_tokens = values.shape[1]
    chosen = np.arange(n_tokens) if tokens is None else np.asarray(tokens, dtype=int)
    if chosen.size == 0:
        return np.full(len(values), np.nan)
    if chosen.min() < 0 or chosen.max() >= n_tokens:
        raise TargetError(
            f"token indices {chosen.tolist()} are not all in 0..{n_tokens - 1}, the tokens of this "
            "target; count within the target, not within the answer"
        )
    return np.asarray(values[:, chosen].mean(axis=1, dtype=np.float64))


def _is_permutation(order: Int[np.ndarray, " regions"]) -> bool:
    return bool(np.array_equal(np.sort(order), np.arange(len(order))))


def _is_share(area: Float[np.ndarray, " steps"]) -> bool:
    """Whether a share of the image rises from nothing to everything."""
    ends = area[0] == 0 and abs(area[-1] - 1) <= _ROUNDING
    return bool(ends and (np.diff(area) >= 0).all())


def _check(trace: Trace) -> None:
    n_regions, rows = len(trace.order), trace.insertion.shape
    if not _is_permutation(trace.order):
        raise ResultError(f"the order of a trace holds 0..{n_regions - 1} once each; got others")
    tables = (trace.deletion, trace.insertion_predicted, trace.deletion_predicted)
    fits = rows[0] == n_regions + 1 and all(table.shape == rows for table in tables)
    if not fits or trace.area.shape != (n_regions + 1,):
        raise ResultError(
            f"a trace of {n_regions} regions has {n_regions + 1} rows in every table; got "
            f"{[table.shape for table in (trace.insertion, *tables, trace.area)]}"
        )
    for table in (trace.insertion, trace.deletion):
        if not ((table >= 0) & (table <= 1)).all():
            raise ResultError("a trace holds probabilities in [0, 1]; got NaN or others")
    if not _is_share(trace.area):
        raise ResultError("the areas of a trace rise from 0 to 1; got NaN or others")
    if not 0 <= trace.searched <= n_regions:
        raise ResultError(f"searched must be in 0..{n_regions}; got {trace.searched}")
