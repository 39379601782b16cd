"""The curves of insertion and deletion, as every picture draws them."""

import numpy as np
from jaxtyping import Float


def axis_top(highest: float) -> float:
    """The end of the probability axis: 1, unless that would flatten the curves."""
    return next((top for top in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5) if highest <= top), 1.0)


def curve_points(values: Float[np.ndarray, " points"]) -> tuple[float, ...]:
    """Numbers of a curve, rounded so that pages stay small."""
    return tuple(round(float(value), 4) for value in values)
