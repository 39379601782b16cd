"""What a good set of regions is: sufficient when shown, indispensable when hidden."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from eagle_mllm.errors import SettingError

_LARGEST = 1e100
"""Sums and squares of weights up to this one are finite."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """F(S) = λ1·insight(S) + λ2·necessity(S), Eq. 2 to 4 of https://arxiv.org/abs/2509.22496.

    Insight is the probability of the target when only S is shown; necessity is what it loses when
    S is hidden, 1 − p(V∖S). Both are means over the target's tokens where the paper writes sums:
    the order is the same, and F stays in [0, λ1 + λ2] for a target of any length.

    >>> import numpy as np
    >>> float(Objective()(insertion=np.array([[0.75]]), deletion=np.array([[0.25]]))[0])
    1.5

    Raises:
        SettingError: a weight is negative, not finite or above 1e100, or both are 0
    """

    insight: float = 1.0
    """λ1, the weight of sufficiency, ≥ 0."""

    necessity: float = 1.0
    """λ2, the weight of indispensability, ≥ 0."""

    def __post_init__(self) -> None:
        weights = (self.insight, self.necessity)
        if not all(0 <= weight <= _LARGEST for weight in weights) or not any(weights):
            raise SettingError(
                f"weights of insight and necessity must be in 0..{_LARGEST:g} and not both 0; "
                f"got {self.insight} and {self.necessity}"
            )

    def __call__(
        self,
        insertion: Float[np.ndarray, "batch tokens"],
        deletion: Float[np.ndarray, "batch tokens"],
    ) -> Float[np.ndarray, " batch"]:
        """F of each subset, in float64.

        Args:
            insertion: p_i(S), the target's probabilities with only S shown
            deletion: p_i(V∖S), the same with S hidden
        """
        insight = insertion.mean(axis=1, dtype=np.float64)
        necessity = 1.0 - deletion.mean(axis=1, dtype=np.float64)
        return np.asarray(self.insight * insight + self.necessity * necessity)
