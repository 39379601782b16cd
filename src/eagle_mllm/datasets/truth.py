"""Where an object is."""

import math
from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.rle import Rle
from eagle_mllm.errors import DataError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels: pixel (row, column) spans column..column+1, row..row+1."""


@dataclass(frozen=True, kw_only=True)
class ObjectTruth:
    """An object's place in an image, known from people or by construction.

    Raises:
        DataError: no part of the box is in the image, or the image's size is not known
    """

    box: Box
    """Edges as floats, as COCO gives them. Whole numbers mean that right and bottom are
    exclusive."""
    segmentation: Rle | None = None
    """The outline; None where only the box is known."""
    size: tuple[int, int] | None = None
    """Height and width of the image; by default those of the segmentation."""

    def __post_init__(self) -> None:
        if self.size is None and self.segmentation is not None:
            object.__setattr__(self, "size", self.segmentation.size)
        height, width = self._size
        left, top, right, bottom = self.box
        if not (max(left, 0) < min(right, width) and max(top, 0) < min(bottom, height)):
            raise DataError(
                f"no part of the box {self.box} is in the image of {height} x {width} pixels; "
                "expected left < right and top < bottom"
            )

    def mask(self, shape: tuple[int, int]) -> Mask | None:
        """True on the object; None where only its box is known.

        Raises:
            DataError: the truth is about an image of another shape
        """
        self._require(shape)
        return None if self.segmentation is None else self.segmentation.mask()

    def box_mask(self, shape: tuple[int, int]) -> Mask:
        """True on each pixel that the box touches, so that a thin box is not empty.

        Raises:
            DataError: the truth is about an image of another shape
        """
        self._require(shape)
        left, top, right, bottom = self.box
        mask = np.zeros(shape, dtype=bool)
        # Cut first: an edge may be infinitely far away.
        rows = slice(math.floor(max(top, 0)), math.ceil(min(bottom, shape[0])))
        mask[rows, math.floor(max(left, 0)) : math.ceil(min(right, shape[1]))] = True
        return mask

    @property
    def _size(self) -> tuple[int, int]:
        if self.size is None:
            raise DataError("a box without an outline needs the size of its image; give it")
        return self.size

    def _require(self, shape: tuple[int, int]) -> None:
        if tuple(shape) != self._size:
            height, width = self._size
            raise DataError(
                f"the truth is about an image of {height} x {width} pixels, not of "
                f"{shape[0]} x {shape[1]}; use the image it was made for"
            )
