"""The exact way from subsets to pixels: the model's own image processor, once per image."""

from collections.abc import Callable, Sequence

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, MaskedImages
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pixels.source import PixelSource, Tensors


class ProcessorPixels(PixelSource):
    """Hides regions in the 8-bit image, then runs the image processor on it.

    Args:
        process: pixel arguments of a batch of images, by the model's image processor.
        image: the image.
        regions: a partition of it.
        fill: what hidden pixels become.
    """

    def __init__(
        self,
        process: Callable[[Sequence[RGBImage]], Tensors],
        image: RGBImage,
        *,
        regions: Regions,
        fill: FillName,
    ) -> None:
        self._process = process
        self._masked = MaskedImages(image, regions, fill=fill)

    def __call__(self, shown: Subsets) -> Tensors:
        """See `PixelSource`."""
        return self._process(self._masked(shown))
