"""F of subsets, each asked once, and what that has cost so far."""

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.arrays import Subsets
from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.objective import Objective


class ObjectiveValues:
    """F(S) with a memory, for searches that must stay within a number of passes.

    F(S) takes two images, S and V∖S. Both count once, however often either is asked for, so
    `spent` is what an evaluator will have scored for this search at most.

    Args:
        evaluate: scores of subsets.
        objective: F.
    """

    def __init__(self, evaluate: Evaluate, objective: Objective) -> None:
        self._evaluate = evaluate
        self._objective = objective
        self._known: dict[bytes, float] = {}
        self._scored: set[bytes] = set()

    @property
    def spent(self) -> int:
        """Images scored so far."""
        return len(self._scored)

    def __call__(self, shown: Subsets) -> Float[np.ndarray, " batch"]:
        """F of each subset, in the order asked."""
        keys = _keys(shown)
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            unknown = shown[list(new.values())]
            scores = self._evaluate(np.concatenate([unknown, ~unknown]))
            insertion, deletion = np.split(scores.probability, 2)
            self._known.update(zip(new, self._objective(insertion, deletion).tolist(), strict=True))
            self._scored.update(new, _keys(~unknown))
        return np.array([self._known[key] for key in keys])

    def affordable(self, shown: Subsets, limit: int) -> int:
        """How many of the subsets, from the first on, can be asked before `spent` passes a limit.

        Args:
            shown: subsets in the order of their worth.
            limit: of images scored.
        """
        left = limit - self.spent
        asked: set[bytes] = set()
        for row, pair in enumerate(zip(_keys(shown), _keys(~shown), strict=True)):
            asked |= {key for key in pair if key not in self._scored}
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


def _keys(shown: Subsets) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(shown, axis=1)]
