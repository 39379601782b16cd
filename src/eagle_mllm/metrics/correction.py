"""How little must be removed from the image until the model answers rightly?

Over samples, the mean of `corrected_area` is the paper's AMCR and the mean of `corrected_within`
its CSR@10%. Both are means over *all* samples, those included that nothing corrects. What a
correction is, and which errors each function raises, is told in `attribution.correction`.
"""

from eagle_mllm.attribution.correction import minimal_correction
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.trace import Trace

# Areas are sums of rounded shares; this is far less than any region.
_ROUNDING = 1e-6


def corrected_area(trace: Trace, target: Target) -> float:
    """Share of the image that the minimal correction removes, in [0, 1], lower is better.

    It is 1 for a sample that no removal corrects; `is_corrected` tells.

    Args:
        trace: the trace of an order found for the right answer's first token
        target: that token
    """
    return minimal_correction(trace, target).area


def is_corrected(trace: Trace, target: Target) -> bool:
    """Whether some removal that leaves something of the image makes the model answer rightly.

    Args:
        trace: the trace of an order found for the right answer's first token
        target: that token
    """
    return minimal_correction(trace, target).corrects


def corrected_within(trace: Trace, target: Target, *, budget: float = 0.1) -> bool:
    """Whether the model answers rightly with at most a share `budget` of the image removed.

    Args:
        trace: the trace of an order found for the right answer's first token
        target: that token
        budget: share of the image that may be removed; 0.1 for CSR@10%
    """
    correction = minimal_correction(trace, target)
    return correction.corrects and within(correction.area, budget)


def within(area: float, budget: float) -> bool:
    """Whether a share of the image is at most a budget, but for rounding.

    Args:
        area: a share of the image
        budget: another
    """
    return area <= budget + _ROUNDING
