"""What a good set of regions is: sufficient when shown, indispensable when hidden."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from eagle_mllm.errors import SettingError

Scale = Literal["probability", "log-probability"]
"""How the probability of a token counts: as it is, or by its logarithm."""

FLOOR = 1e-4
"""Probabilities below this one count as this one on the scale of logarithms."""

_LARGEST = 1e100
"""Sums and squares of weights up to this one are finite."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """F(S) = λ1·insight(S) + λ2·necessity(S), Eq. 2 to 4 of https://arxiv.org/abs/2509.22496.

    Insight is the probability of the target when only S is shown; necessity is what it loses when
    S is hidden, 1 − p(V∖S). Both are means over the target's tokens where the paper writes sums:
    the order is the same, and F stays in [0, λ1 + λ2] for a target of any length.

    On the scale of logarithms, which is not in the paper, u(p) = 1 − ln max(p, ε) / ln ε with
    ε = 1e-4 (`FLOOR`) takes the place of p in both: insight is the mean of u(p_i(S)), necessity 1
    less the mean of u(p_i(V∖S)). The mean of ln p_i is the logarithm of the probability of the
    whole target, for each token. u rises from 0 at p ≤ ε to 1 at p = 1, so F has the same range,
    but a fall from 0.1 to 0.01 counts as much as one from 1 to 0.1.

    >>> import numpy as np
    >>> float(Objective()(insertion=np.array([[0.75]]), deletion=np.array([[0.25]]))[0])
    1.5
    >>> on_logarithms = Objective(scale="log-probability")
    >>> round(float(on_logarithms(insertion=np.array([[1.0]]), deletion=np.array([[0.01]]))[0]), 6)
    1.5

    Raises:
        SettingError: a weight is negative, not finite or above 1e100, both are 0, or the scale is
            unknown
    """

    insight: float = 1.0
    """λ1, the weight of sufficiency, ≥ 0."""

    necessity: float = 1.0
    """λ2, the weight of indispensability, ≥ 0."""

    scale: Scale = "probability"
    """What is averaged over tokens: p, or u(p)."""

    def __post_init__(self) -> None:
        weights = (self.insight, self.necessity)
        if not all(0 <= weight <= _LARGEST for weight in weights) or not any(weights):
            raise SettingError(
                f"weights of insight and necessity must be in 0..{_LARGEST:g} and not both 0; "
                f"got {self.insight} and {self.necessity}"
            )
        if self.scale not in get_args(Scale):
            raise SettingError(
                f"unknown scale {self.scale!r}; choose one of {', '.join(get_args(Scale))}"
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
        insight = self._scaled(insertion).mean(axis=1, dtype=np.float64)
        necessity = 1.0 - self._scaled(deletion).mean(axis=1, dtype=np.float64)
        return np.asarray(self.insight * insight + self.necessity * necessity)

    def _scaled(
        self, probability: Float[np.ndarray, "batch tokens"]
    ) -> Float[np.ndarray, "batch tokens"]:
        if self.scale == "probability":
            return probability
        clipped = np.maximum(probability.astype(np.float64), FLOOR)
        return np.asarray(1.0 - np.log(clipped) / np.log(FLOOR))
