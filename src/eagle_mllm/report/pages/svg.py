"""Curves as SVG coordinates."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from eagle_mllm.report.curves import axis_top

LEFT, TOP, WIDTH, HEIGHT = 34.0, 8.0, 318.0, 168.0
"""The plotting area inside a view box of 360 × 208 units."""


class Plot(NamedTuple):
    """Two curves over the same axis, as the `points` of SVG polylines."""

    shown: str
    removed: str
    under: str
    top: float


def plot(
    area: Float[np.ndarray, " points"],
    shown: Float[np.ndarray, " points"],
    removed: Float[np.ndarray, " points"],
) -> Plot:
    """Insertion and deletion over the share of area, in the view box.

    Args:
        area: shares from 0 to 1
        shown: probability when the first regions are shown
        removed: probability when they are removed
    """
    top = axis_top(max(float(shown.max()), float(removed.max())))
    line = points(area, shown, top)
    base = TOP + HEIGHT
    under = f"{LEFT:g},{base:g} {line} {LEFT + WIDTH:g},{base:g}"
    return Plot(shown=line, removed=points(area, removed, top), under=under, top=top)


def points(
    area: Float[np.ndarray, " points"], values: Float[np.ndarray, " points"], top: float
) -> str:
    """One curve as the `points` of an SVG polyline.

    Args:
        area: shares from 0 to 1
        values: probabilities
        top: the end of the probability axis
    """
    pairs = zip(area.tolist(), values.tolist(), strict=True)
    return " ".join(
        f"{LEFT + WIDTH * share:.1f},{TOP + HEIGHT * (1.0 - value / top):.1f}"
        for share, value in pairs
    )
