"""From an order to a map: Algorithm 1 of the paper, and back from any map to an order."""

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.arrays import Mask, Saliency
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.trace import Tokens, Trace
from eagle_mllm.errors import RegionError

PIXEL_STEPS = 64
"""How many steps of equal area the reference takes along a ranking of pixels."""


def region_saliency(
    trace: Trace, objective: Objective, *, tokens: Tokens | None = None
) -> Float[np.ndarray, " regions"]:
    """How decisive each region is, in [0, 1], by region index (Algorithm 1).

    A(π_1) = 0 and A(π_r) = A(π_{r−1}) − |F(π_:r) − F(π_:r−1)|, then stretched to [0, 1]. The first
    region of the order is always 1 and the last always 0; a map without any difference is all
    zeros. The size of a step counts, not its sign: a region that harms the target looks like one
    that helps. For signed values see `region_gains`.

    Args:
        trace: the trace of an order; its regions beyond `searched` are treated alike
        objective: F
        tokens: which of the target's tokens F is of, by index; None for all
    """
    steps = np.abs(np.diff(_objective_values(trace, objective, tokens)[1:]))
    decline = np.concatenate([[0.0], np.cumsum(steps)])  # −A, along the order
    saliency = np.zeros(len(trace.order))
    if decline[-1] > 0:
        saliency[trace.order] = 1.0 - decline / decline[-1]
    return saliency


def region_gains(trace: Trace, objective: Objective) -> Float[np.ndarray, " regions"]:
    """What each region added to F when its turn came, by region index: F(π_:r) − F(π_:r−1).

    Not in the paper. Negative for a region that speaks against the target; the gains sum to
    F(V) − F(∅).

    Args:
        trace: the trace of an order
        objective: F
    """
    gains = np.empty(len(trace.order))
    gains[trace.order] = np.diff(_objective_values(trace, objective))
    return gains


def saliency_map(values: Float[np.ndarray, " regions"], regions: Regions) -> Saliency:
    """One value per region, spread over its pixels; float32.

    Args:
        values: a value for each region, by region index
        regions: the partition

    Raises:
        RegionError: there is not one value for each region
    """
    if len(values) != len(regions):
        raise RegionError(f"{len(regions)} regions need as many values; got {len(values)}")
    return np.take(values.astype(np.float32), regions.labels)


def rank_regions(saliency: Saliency, regions: Regions) -> Int[np.ndarray, " regions"]:
    """The order of regions by mean saliency, highest first; equals by region index.

    This is how a method that yields a map of pixels is compared with one that yields an order.

    Args:
        saliency: a finite value for each pixel, in any range
        regions: a partition of the same image

    Raises:
        RegionError: the shapes differ, or the map holds NaN or infinity
    """
    _require_rankable(saliency, regions.labels.shape)
    labels = regions.labels.ravel()
    # float32 sums exactly in float64, so that a flat map gives exact ties whatever the areas.
    sums = np.bincount(labels, weights=saliency.astype(np.float32).ravel(), minlength=len(regions))
    return np.argsort(-(sums / np.bincount(labels)), kind="stable")


def pixel_steps(saliency: Saliency, seen: Mask, *, steps: int = PIXEL_STEPS) -> Regions:
    """The pixels from the highest saliency to the lowest, cut into steps of equal area.

    Region r holds the pixels of ranks r·n/steps to (r+1)·n/steps, so the order 0, 1, … is the
    ranking itself. This is how the reference compares maps of pixels with an order of regions.
    Equals rank in reading order.

    Args:
        saliency: a finite value for each pixel, in any range
        seen: True on the n pixels that are ranked; the others make one further region, the last
        steps: how many steps; fewer where there are fewer pixels

    Raises:
        RegionError: the shapes differ, no pixel is seen, or the map holds NaN or infinity
    """
    _require_rankable(saliency, seen.shape)
    n_seen = int(seen.sum())
    if n_seen == 0:
        raise RegionError("the model sees none of the pixels; there is nothing to rank")
    steps = min(steps, n_seen)
    ends = n_seen * np.arange(1, steps + 1) // steps
    places = np.flatnonzero(seen)
    ranked = places[np.argsort(-saliency.ravel()[places].astype(np.float64), kind="stable")]
    labels = np.full(saliency.size, steps, dtype=np.int32)
    labels[ranked] = np.searchsorted(ends, np.arange(n_seen), side="right")
    return Regions(labels=labels.reshape(saliency.shape), method="pixels", asked=steps)


def _require_rankable(saliency: Saliency, shape: tuple[int, ...]) -> None:
    if saliency.shape != shape:
        raise RegionError(
            f"the saliency has shape {saliency.shape}, the regions {shape}; resize one to the other"
        )
    if not np.isfinite(saliency).all():
        raise RegionError("the saliency holds NaN or infinity, which have no rank; replace them")


def _objective_values(
    trace: Trace, objective: Objective, tokens: Tokens | None = None
) -> Float[np.ndarray, " steps"]:
    chosen = slice(None) if tokens is None else np.asarray(tokens)
    return objective(trace.insertion[:, chosen], trace.deletion[:, chosen])
