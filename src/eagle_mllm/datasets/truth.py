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
        DataError: No part of the box lies in the image.
    """

    box: Box
    """Edges as floats, as COCO gives them. Whole numbers mean that right and bottom are
    exclusive."""
    segmentation: Rle

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        height, width = self.segmentation.size
        if not (max(left, 0) < min(right, width) and max(top, 0) < min(bottom, height)):
            raise DataError(
                f"no part of the box {self.box} lies in the image of {height} x {width} pixels; "
                "expected left < right and top < bottom"
            )

    def mask(self, shape: tuple[int, int]) -> Mask:
        """True on the object.

        Raises:
            DataError: The truth is about an image of another shape.
        """
        self._require(shape)
        return self.segmentation.mask()

    def box_mask(self, shape: tuple[int, int]) -> Mask:
        """True on each pixel that the box touches, so that a thin box is not empty.

        Raises:
            DataError: The truth is about an image of another shape.
        """
        self._require(shape)
        left, top, right, bottom = self.box
        mask = np.zeros(shape, dtype=bool)
        rows = slice(max(math.floor(top), 0), math.ceil(bottom))
        mask[rows, max(math.floor(left), 0) : math.ceil(right)] = True
        return mask

    def _require(self, shape: tuple[int, int]) -> None:
        if tuple(shape) != self.segmentation.size:
            height, width = self.segmentation.size
            raise DataError(
                f"the truth is about an image of {height} x {width} pixels, not of "
                f"{shape[0]} x {shape[1]}; use the image it was made for"
            )
