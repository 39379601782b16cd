"""Which tokens of a target need the image: p_i(V) − p_i(∅) above a threshold.

Most tokens of a long answer follow from those before them, whatever is shown. Their probabilities
hardly move, and what the others tell drowns in the mean.
"""

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.model import SubsetScores
from eagle_mllm.errors import SettingError

THRESHOLD = 0.2
"""How much probability the image must add, where nothing else is said: the paper's value."""


def sensitive_of(
    whole: Float[np.ndarray, " tokens"], empty: Float[np.ndarray, " tokens"], *, threshold: float
) -> Int[np.ndarray, " sensitive"]:
    """The tokens with p_i(V) − p_i(∅) > threshold, by index.

    Args:
        whole: p_i(V), with the whole image
        empty: p_i(∅), with nothing shown
        threshold: how much probability the image must add
    """
    return np.flatnonzero(whole.astype(np.float64) - empty > threshold)


def sensitive_by(
    evaluate: Evaluate, n_regions: int, *, threshold: float
) -> Int[np.ndarray, " sensitive"]:
    """The same, asked of the scores of subsets: two images, which a trace asks too.

    Args:
        evaluate: scores of subsets
        n_regions: how many regions there are
        threshold: how much probability the image must add
    """
    ends = np.stack([np.zeros(n_regions, dtype=bool), np.ones(n_regions, dtype=bool)])
    empty, whole = evaluate(ends).probability
    return sensitive_of(whole, empty, threshold=threshold)


def of_tokens(evaluate: Evaluate, tokens: Int[np.ndarray, " chosen"]) -> Evaluate:
    """The same scores, of some of the tokens.

    Args:
        evaluate: scores of subsets for all tokens
        tokens: which of them, by index
    """

    def scores(shown: np.ndarray) -> SubsetScores:
        probability, predicted = evaluate(shown)
        return SubsetScores(probability[:, tokens], predicted[:, tokens])

    return scores


def require_threshold(threshold: float | None) -> None:
    """Refuse a threshold that no token, or every one, could pass.

    Raises:
        SettingError: it is neither None nor in [0, 1)
    """
    if threshold is not None and not 0 <= threshold < 1:
        raise SettingError(f"sensitive must be from 0 to below 1, or None; got {threshold}")
