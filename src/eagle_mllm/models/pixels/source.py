"""From subsets of regions to the pixel arguments of a model."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from eagle_mllm.arrays import Subsets

Tensors = dict[str, Tensor]
"""Keyword arguments of a model's forward."""


class PixelSource(ABC):
    """Makes the pixel arguments of subsets of the regions of one image."""

    @abstractmethod
    def __call__(self, shown: Subsets) -> Tensors:
        """Pixel arguments of one batch, one subset per row."""

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """False where nothing of a region reaches the model; None if not known.

        See `seen.seen_regions` for the rule. Showing or hiding such a region gives the same
        pixels, but for a trace that the resize may leave at the border of a crop.
        """
        return None

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """False where hiding a region changes nothing of what reaches the model; None if unknown.

        That is so where nothing of it does, and where it equals its fill.
        """
        return None

    def touching(self) -> Bool[np.ndarray, "rows regions"] | None:
        """Which regions change each row of an image's `pixel_values`, such as a tile.

        None if not known.
        """
        return None
