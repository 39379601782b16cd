"""From subsets of regions to the pixel arguments of a model."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, fill_image, masked_image
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.families.base import EncodedPrompt, Family, Tensors


class PixelSource(ABC):
    """Makes the pixel arguments of subsets of the regions of one image."""

    @abstractmethod
    def __call__(self, shown: Subsets) -> Tensors:
        """Pixel arguments of one batch, one subset a row."""

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """False where showing or hiding a region gives the same pixels; None if not known."""
        return None


class ProcessorPixels(PixelSource):
    """The exact way: hide regions in the 8-bit image, then run the image processor."""

    def __init__(
        self,
        family: Family,
        prompt: EncodedPrompt,
        image: RGBImage,
        *,
        regions: Regions,
        fill: FillName,
    ) -> None:
        self._family = family
        self._prompt = prompt
        self._image = image
        self._filled = fill_image(image, fill)
        self._labels = regions.labels

    def __call__(self, shown: Subsets) -> Tensors:
        """See `PixelSource`."""
        images = [masked_image(self._image, self._filled, row[self._labels]) for row in shown]
        return self._family.pixels(images, self._prompt)
