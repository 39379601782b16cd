"""How little must be removed from the image until the model answers rightly?

The target is the right answer's first token at the place of the wrong one
(`generation.counterfactual("No")`), so the order of its trace begins with what speaks for the right
answer. Regions are removed from the end of that order. Under greedy decoding the model
begins its answer with the id it prefers at that position, so the predicted ids of the trace say
whether it answers rightly: nothing is generated again.

Over samples, the mean of `corrected_area` is the paper's AMCR and the mean of `corrected_within`
its CSR@10%. Both are means over *all* samples, those included that nothing corrects.
"""

import numpy as np
from jaxtyping import Bool

from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError, TargetError

# Areas are sums of rounded shares; this is far less than any region.
_ROUNDING = 1e-6


def corrected_area(trace: Trace, target: Target) -> float:
    """Share of the image that has to be removed until the model answers rightly.

    The smallest removal counts: 0 if the model is right on the whole image. 1 if no removal
    corrects it. The empty image is no correction, as in the reference: a model that sees
    nothing has not been corrected, it guesses. In [0, 1], lower is better.

    Args:
        trace: the trace of an order found for the right answer's first token.
        target: that token.

    Raises:
        TargetError: the target is not one token, or not the trace's.
        ResultError: the trace does not know what the model predicted (a file of the reference).
    """
    right = np.flatnonzero(_answers_rightly(trace, target))
    return float(1.0 - trace.area[right[-1]]) if len(right) else 1.0


def is_corrected(trace: Trace, target: Target) -> bool:
    """Whether some removal that leaves something of the image makes the model answer rightly.

    Args:
        trace: the trace of an order found for the right answer's first token.
        target: that token.

    Raises:
        TargetError: the target is not one token, or not the trace's.
        ResultError: the trace does not know what the model predicted (a file of the reference).
    """
    return bool(_answers_rightly(trace, target).any())


def corrected_within(trace: Trace, target: Target, *, budget: float = 0.1) -> bool:
    """Whether the model answers rightly with at most a share `budget` of the image removed.

    Args:
        trace: the trace of an order found for the right answer's first token.
        target: that token.
        budget: share of the image that may be removed; 0.1 for CSR@10%.

    Raises:
        TargetError: the target is not one token, or not the trace's.
        ResultError: the trace does not know what the model predicted (a file of the reference).
    """
    return is_corrected(trace, target) and corrected_area(trace, target) <= budget + _ROUNDING


def _answers_rightly(trace: Trace, target: Target) -> Bool[np.ndarray, " steps"]:
    """For each number of leading regions that are left, whether the prediction is the target."""
    if len(target) != 1 or trace.n_tokens != 1:
        raise TargetError(
            f"a correction is read off one token, the right answer's first; the target has "
            f"{len(target)} and the trace {trace.n_tokens}"
        )
    predicted = trace.insertion_predicted[:, 0]
    if (predicted < 0).any():
        raise ResultError(
            "the trace does not know what the model predicted, so nothing can be said about "
            "corrections; attribute again instead of importing the reference's file"
        )
    right = predicted == target.ids[0]
    right[0] = False
    return np.asarray(right)
