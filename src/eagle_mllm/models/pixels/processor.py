"""The exact way from subsets to pixels: the model's own image processor, once per image."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, MaskedImages, fill_image
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.models.pixels.seen import hideable_regions, seen_regions
from eagle_mllm.models.pixels.source import PixelSource, Tensors


class ProcessorPixels(PixelSource):
    """Hides regions in the 8-bit image, then runs the image processor on it.

    Args:
        process: pixel arguments of a batch of images, by the model's image processor
        image: the image
        regions: a partition of it
        fill: what hidden pixels become
        views: what the model gets of an image of this size; None where it is not known
    """

    def __init__(
        self,
        process: Callable[[Sequence[RGBImage]], Tensors],
        image: RGBImage,
        *,
        regions: Regions,
        fill: FillName,
        views: Sequence[View] | None = None,
    ) -> None:
        self._process = process
        self._seen = self._hideable = None
        if views is not None:
            filled = fill_image(image, fill)
            self._seen = seen_regions(views, image.shape[:2], regions=regions)
            self._hideable = hideable_regions(views, image, filled=filled, regions=regions)
        self._masked = MaskedImages(image, regions, fill=fill)

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `PixelSource`."""
        return self._seen

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `PixelSource`."""
        return self._hideable

    def __call__(self, shown: Subsets) -> Tensors:
        """See `PixelSource`."""
        return self._process(self._masked(shown))
