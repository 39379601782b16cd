"""Does the probability of the target follow the order of regions?

Each measure is a function of a trace. `tokens` chooses some of the target's tokens by their index
in the target: a word of a sentence, or `sensitive_tokens(trace)`. No tokens have no measure: NaN.
"""

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.sensitivity import THRESHOLD, sensitive_of
from eagle_mllm.attribution.trace import Tokens, Trace, area_under


def insertion_auc(trace: Trace, *, tokens: Tokens | None = None) -> float:
    """Area under the target's probability as regions are shown, the most decisive first.

    The insertion metric of RISE (https://arxiv.org/abs/1806.07421) for the mean over tokens; the
    axis is the share of the image shown, from the empty image to the whole. In [0, 1], higher is
    better.

    Args:
        trace: the trace of an order
        tokens: which of the target's tokens; None for all

    Raises:
        TargetError: the target has no such token
    """
    return area_under(trace.insertion_curve(tokens), trace.area)


def deletion_auc(trace: Trace, *, tokens: Tokens | None = None) -> float:
    """Area under the target's probability as regions are hidden, the most decisive first.

    The axis is the share of the image hidden, from the whole image to the empty one. In [0, 1],
    lower is better.

    Args:
        trace: the trace of an order
        tokens: which of the target's tokens; None for all

    Raises:
        TargetError: the target has no such token
    """
    return area_under(trace.deletion_curve(tokens), trace.area)


def faithfulness_gap(trace: Trace, *, tokens: Tokens | None = None) -> float:
    """Insertion AUC less deletion AUC: one number for both. In [−1, 1], higher is better.

    Args:
        trace: the trace of an order
        tokens: which of the target's tokens; None for all

    Raises:
        TargetError: the target has no such token
    """
    return insertion_auc(trace, tokens=tokens) - deletion_auc(trace, tokens=tokens)


def average_highest_score(trace: Trace, *, tokens: Tokens | None = None) -> float:
    """Highest mean probability of the target while regions are shown, max_r of the insertion curve.

    The paper averages it over samples, hence the name. The empty and the whole image count, as in
    the reference. In [0, 1], higher is better.

    Args:
        trace: the trace of an order
        tokens: which of the target's tokens; None for all

    Raises:
        TargetError: the target has no such token
    """
    return float(trace.insertion_curve(tokens).max())


def sensitive_tokens(
    trace: Trace, *, threshold: float = THRESHOLD
) -> Int[np.ndarray, " sensitive"]:
    """The tokens that need the image: p_i(V) − p_i(∅) > threshold, by index in the target.

    Args:
        trace: the trace of any order; only its two ends matter
        threshold: how much probability the whole image must add
    """
    return sensitive_of(trace.insertion[-1], trace.insertion[0], threshold=threshold)
