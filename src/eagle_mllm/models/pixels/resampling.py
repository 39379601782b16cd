"""Pillow's resize as a linear map: the weights with which source pixels enter target pixels.

Pillow resizes rows and columns apart, with 8-bit values in between. A target pixel is a weighted
mean of the source pixels under a filter that is centred on it and, where the image shrinks, widened
by the same factor (`precompute_coeffs` in its `Resample.c`; the same weights here, in float64).
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL.Image import Resampling

Filter = Callable[[Float[np.ndarray, "target taps"]], Float[np.ndarray, "target taps"]]
"""The filter's height at a distance from its centre."""


UNIT = 2**22
"""What a weight of 1 is in Pillow's fixed-point arithmetic for 8-bit images."""


class AxisWeights:
    """How one axis of an image is resized.

    Only the taps of the filter are kept, so that the weights of a large image stay small.

    Args:
        source: length of the axis before
        target: length after
        resample: the filter, one for which `is_reproducible` is true
    """

    def __init__(self, source: int, target: int, *, resample: int) -> None:
        filter_, radius = _FILTERS[Resampling(resample)]
        self.source = source
        self.target = target
        scale = source / target
        stretch = max(scale, 1.0)
        centres = (np.arange(target) + 0.5) * scale
        # Truncation rounds the borders half up, as the C code does.
        self._first = np.maximum((centres - radius * stretch + 0.5).astype(np.int64), 0)
        self._last = np.minimum((centres + radius * stretch + 0.5).astype(np.int64), source)
        taps = np.arange((self._last - self._first).max())
        places = self._first[:, np.newaxis] + taps
        heights = filter_((places - centres[:, np.newaxis] + 0.5) / stretch)
        heights[places >= self._last[:, np.newaxis]] = 0
        self._weights = heights / heights.sum(axis=1, keepdims=True)

    def reached(self, source: slice) -> slice:
        """The target pixels whose filter reaches one of these source pixels."""
        return slice(
            int(np.searchsorted(self._last, source.start, side="right")),
            int(np.searchsorted(self._first, source.stop, side="left")),
        )

    def needed(self, target: slice) -> slice:
        """The source pixels under the filter of these target pixels."""
        return slice(int(self._first[target.start]), int(self._last[target.stop - 1]))

    def matrix(self, target: slice, source: slice) -> Float[np.ndarray, "target source"]:
        """The float32 weights of some source pixels in some target pixels."""
        return self._placed(self._weights, target, source).astype(np.float32)

    def units(self, target: slice, source: slice) -> Float[np.ndarray, "target source"]:
        """The same in Pillow's fixed-point arithmetic: whole numbers of `UNIT`, in float64."""
        return self._placed(self._units, target, source)

    def totals(self, target: slice) -> Float[np.ndarray, " target"]:
        """The sum of all units of some target pixels, which is `UNIT` but for rounding."""
        totals: Float[np.ndarray, " target"] = self._units[target].sum(axis=1)
        return totals

    @cached_property
    def _units(self) -> Float[np.ndarray, "all taps"]:
        scaled = self._weights * UNIT
        units: Float[np.ndarray, "all taps"] = np.trunc(scaled + np.copysign(0.5, scaled))
        return units

    def _placed(
        self, weights: Float[np.ndarray, "all taps"], target: slice, source: slice
    ) -> Float[np.ndarray, "target source"]:
        first = self._first[target, np.newaxis]
        places = first + np.arange(weights.shape[1]) - source.start
        length = source.stop - source.start
        inside = (places >= 0) & (places < length)
        matrix = np.zeros((len(first), length))
        rows = np.broadcast_to(np.arange(len(first))[:, np.newaxis], places.shape)
        matrix[rows[inside], places[inside]] = weights[target][inside]
        return matrix


def columns_come_first(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether Pillow resizes along the columns first, from one (height, width) to another.

    As Pillow 13 was seen to do, which usually begins with the rows. Another release may decide
    otherwise; the wrong order costs a tenth of a grey level on average.
    """
    fewer_rows, fewer_columns = (one - other for one, other in zip(source, target, strict=True))
    return fewer_rows > max(0, 2 * fewer_columns)


def is_reproducible(resample: Any) -> bool:
    """Whether `AxisWeights` knows this filter of Pillow."""
    return resample in _FILTERS


def _bilinear(x: Float[np.ndarray, "target taps"]) -> Float[np.ndarray, "target taps"]:
    x = np.abs(x)
    return np.where(x < 1, 1 - x, 0.0)


def _bicubic(x: Float[np.ndarray, "target taps"]) -> Float[np.ndarray, "target taps"]:
    # Keys' cubic convolution with a = -0.5.
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: Float[np.ndarray, "target taps"]) -> Float[np.ndarray, "target taps"]:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


ANY_FILTER = int(Resampling.BICUBIC)
"""For an axis that keeps its length: any of them leaves it alone."""

_FILTERS: dict[Any, tuple[Filter, float]] = {
    Resampling.BILINEAR: (_bilinear, 1.0),
    Resampling.BICUBIC: (_bicubic, 2.0),
    Resampling.LANCZOS: (_lanczos, 3.0),
}
"""Filter and its radius in source pixels."""
