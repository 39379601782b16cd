"""From an order to a map: Algorithm 1 of the paper, and back from any map to an order."""

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import RegionError


def region_saliency(trace: Trace, objective: Objective) -> Float[np.ndarray, " regions"]:
    """How decisive each region is, in [0, 1], by region index (Algorithm 1).

    A(π_1) = 0 and A(π_r) = A(π_{r−1}) − |F(π_:r) − F(π_:r−1)|, then stretched to [0, 1]. The first
    region of the order is always 1 and the last always 0; a map without any difference is all
    zeros. The size of a step counts, not its sign: a region that harms the target looks like one
    that helps. For signed values see `region_gains`.

    Args:
        trace: the trace of an order; its regions beyond `searched` are treated alike
        objective: F
    """
    steps = np.abs(np.diff(_objective_values(trace, objective)[1:]))
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
    if saliency.shape != regions.labels.shape:
        raise RegionError(
            f"the saliency has shape {saliency.shape}, the regions {regions.labels.shape}; "
            "resize one to the other"
        )
    if not np.isfinite(saliency).all():
        raise RegionError("the saliency holds NaN or infinity, which have no rank; replace them")
    labels = regions.labels.ravel()
    # float32 sums exactly in float64, so that a flat map gives exact ties whatever the areas.
    sums = np.bincount(labels, weights=saliency.astype(np.float32).ravel(), minlength=len(regions))
    return np.argsort(-(sums / np.bincount(labels)), kind="stable")


def _objective_values(trace: Trace, objective: Objective) -> Float[np.ndarray, " steps"]:
    return objective(trace.insertion, trace.deletion)
