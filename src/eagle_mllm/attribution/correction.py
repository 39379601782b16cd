"""The least that has to be removed from an image until the model answers rightly.

The target is the right answer's first token at the place of the wrong one
(`generation.counterfactual("No")`), so the order of its trace begins with what supports the right
answer. Regions are removed from the end of that order. Under greedy decoding the model begins its
answer with the id it prefers at that position, so the predicted ids of the trace say whether it
answers rightly: nothing is generated again.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError, TargetError
from eagle_mllm.values import ArrayValue


@dataclass(frozen=True, kw_only=True, eq=False)
class Correction(ArrayValue):
    """The regions that are kept and those that are removed."""

    kept: Int[np.ndarray, " kept"]
    """Regions that are left, in their order; none where no removal corrects the answer."""

    removed: Int[np.ndarray, " removed"]
    """Regions that are removed, the one that supports the right answer least last."""

    area: float
    """Share of the image that is removed, in [0, 1]."""

    def __post_init__(self) -> None:
        self._freeze_arrays()

    @property
    def corrects(self) -> bool:
        """Whether the model answers rightly when it sees what is kept."""
        return len(self.kept) > 0


def minimal_correction(
    trace: Trace, target: Target, *, accepted: Collection[int] = ()
) -> Correction:
    """The smallest removal from the end of an order that makes the model answer rightly.

    Nothing is removed where the model is right on the whole image, and everything where no removal
    corrects it. The empty image is no correction, as in the reference: a model that sees
    nothing has not been corrected, it guesses.

    Args:
        trace: the trace of an order found for the right answer's first token
        target: that token
        accepted: other ids that begin the right answer too, such as other spellings of "No"

    Raises:
        TargetError: the target is not one token, or not the trace's
        ResultError: the trace does not know what the model predicted (a file of the reference)
    """
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
    is_right = np.isin(predicted[1:], [target.ids[0], *accepted])
    right = np.flatnonzero(is_right) + 1  # numbers of regions that are left
    n_kept = int(right[-1]) if len(right) else 0
    kept, removed = np.split(trace.order, [n_kept])
    return Correction(kept=kept, removed=removed, area=float(1.0 - trace.area[n_kept]))
