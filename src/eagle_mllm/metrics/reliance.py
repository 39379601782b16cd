"""Do evidence scores tell words that need eyes from words that do not?"""

import numpy as np
from jaxtyping import Bool, Float


def evidence_auroc(
    scores: Float[np.ndarray, " words"], labels: Bool[np.ndarray, " words"]
) -> float:
    """Chance that a word that needs eyes scores above one that does not; ties count half.

    The area under the ROC curve as the Mann-Whitney statistic, so it compares evidence scores
    without any threshold. In [0, 1]: 1 is perfect, 0.5 is chance.

    Args:
        scores: evidence of each word, as from `modality_reliance`
        labels: True for the words that need the image

    Returns:
        NaN if there is no word of either kind, or a score is NaN
    """
    seen, spoken = scores[labels], np.sort(scores[~labels])
    if len(seen) == 0 or len(spoken) == 0 or np.isnan(scores).any():
        return float("nan")
    # Both sides of a tie, so that their mean counts it half. Integers: no rounding before the end.
    below = np.searchsorted(spoken, seen, side="left") + np.searchsorted(spoken, seen, side="right")
    return float(below.sum() / (2 * len(seen) * len(spoken)))
