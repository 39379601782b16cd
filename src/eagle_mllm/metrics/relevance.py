"""How much of a map is on the true evidence, where that is known.

In a photograph nobody knows which pixels a model's word stands on: an object's outline is where
people see it. In a generated scene the evidence of each word is known by construction.
"""

import numpy as np

from eagle_mllm.arrays import Mask, Saliency
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.trace import Trace, area_under
from eagle_mllm.errors import ResultError


def relevance_mass(saliency: Saliency, evidence: Mask) -> float:
    """Share of the positive map that is inside the evidence, in [0, 1], higher is better.

    The relevance mass accuracy of CLEVR-XAI (Arras et al. 2022, https://arxiv.org/abs/2003.07258).
    A constant map has the evidence's share of the image.

    Args:
        saliency: a map, larger where more decisive; negative values count as 0
        evidence: True on the evidence, of the same shape

    Returns:
        NaN if no value is positive, or there is no evidence

    Raises:
        ResultError: the shapes differ
    """
    _require_one_shape(saliency.shape, evidence)
    positive = np.maximum(saliency.astype(np.float64), 0.0)
    total = positive.sum()
    if total == 0 or not evidence.any():
        return float("nan")
    return float(positive[evidence].sum() / total)


def relevance_rank(saliency: Saliency, evidence: Mask) -> float:
    """Share of the k most salient pixels that are inside the evidence of k pixels, in [0, 1].

    The relevance rank accuracy of CLEVR-XAI (Arras et al. 2022, https://arxiv.org/abs/2003.07258).
    Higher is better. Where pixels at the limit are equal, as in a map of regions, the expected
    share if chance chose among them: a constant map has the evidence's share of the image.

    Args:
        saliency: a map, larger where more decisive
        evidence: True on the evidence, of the same shape

    Returns:
        NaN if there is no evidence

    Raises:
        ResultError: the shapes differ
    """
    _require_one_shape(saliency.shape, evidence)
    n_evidence = int(evidence.sum())
    if n_evidence == 0:
        return float("nan")
    limit = np.partition(saliency.ravel(), -n_evidence)[-n_evidence]
    above, at_limit = saliency > limit, saliency == limit
    open_places = n_evidence - int(above.sum())
    chance = evidence[at_limit].sum() * open_places / at_limit.sum()
    return float((evidence[above].sum() + chance) / n_evidence)


def evidence_recovered(trace: Trace, regions: Regions, evidence: Mask) -> float:
    """Area under the share of the evidence in the first regions, over the area shown.

    The recall of evidence along the order, also called a cumulative gain curve; it asks nothing of
    the map's values. In [0, 1], higher is better: an order by chance has 0.5, a perfect one
    1 − e/2, if e is the evidence's share of the image.

    Args:
        trace: the trace of an order
        regions: the partition that it orders
        evidence: True on the evidence, of the image's shape

    Returns:
        NaN if there is no evidence

    Raises:
        ResultError: the shapes differ, or the trace is of another partition
    """
    _require_one_shape(regions.shape, evidence)
    if len(trace.order) != len(regions):
        raise ResultError(
            f"the trace orders {len(trace.order)} regions and the partition has {len(regions)}; "
            "give the partition of the trace"
        )
    if not evidence.any():
        return float("nan")
    inside = np.bincount(regions.labels[evidence], minlength=len(regions))[trace.order]
    recovered = np.concatenate([[0.0], np.cumsum(inside) / inside.sum()])
    return area_under(recovered, trace.area)


def _require_one_shape(shape: tuple[int, ...], evidence: Mask) -> None:
    if shape != evidence.shape:
        raise ResultError(
            f"the map has shape {shape}, the evidence {evidence.shape}; bring both to the image's"
        )
