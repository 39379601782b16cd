"""F of subsets, and what a search has spent on them so far."""

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.arrays import Subsets
from eagle_mllm.attribution.evaluator import Evaluate, keys_of
from eagle_mllm.attribution.objective import Objective


class ObjectiveValues:
    """F(S) with a purse, for searches that must stay within a number of passes.

    F(S) takes two images, S and V∖S. Both count once, however often either is asked for, so
    `spent` is the most that an evaluator scores for this search.

    Args:
        evaluate: scores of subsets; it remembers them
        objective: F
    """

    def __init__(self, evaluate: Evaluate, objective: Objective) -> None:
        self._evaluate = evaluate
        self._objective = objective
        self._paid: set[bytes] = set()

    @property
    def spent(self) -> int:
        """Images asked for so far, each once."""
        return len(self._paid)

    def __call__(self, shown: Subsets) -> Float[np.ndarray, " batch"]:
        """F of each subset, in the order asked."""
        if not len(shown):
            return np.empty(0)
        scores = self._evaluate(np.concatenate([shown, ~shown]))
        self._paid.update(keys_of(shown), keys_of(~shown))
        insertion, deletion = np.split(scores.probability, 2)
        return self._objective(insertion, deletion)

    def affordable(self, shown: Subsets, limit: int) -> int:
        """How many of the subsets, from the first on, can be asked before `spent` passes a limit.

        Args:
            shown: subsets in the order of their worth
            limit: of images scored
        """
        left = limit - self.spent
        asked: set[bytes] = set()
        for row, pair in enumerate(zip(keys_of(shown), keys_of(~shown), strict=True)):
            asked |= {key for key in pair if key not in self._paid}
            if len(asked) > left:
                return row
        return len(shown)


def each_added(
    chosen: list[int], candidates: Int[np.ndarray, " candidates"], n_regions: int
) -> Bool[np.ndarray, "candidates regions"]:
    """The chosen regions and one candidate more, for each candidate."""
    shown = np.zeros((len(candidates), n_regions), dtype=bool)
    shown[:, chosen] = True
    shown[np.arange(len(candidates)), candidates] = True
    return shown
