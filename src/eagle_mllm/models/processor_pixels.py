"""The exact way from subsets to pixels: the model's own image processor, once an image."""

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, fill_image, masked_image
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.families.base import EncodedPrompt, Family, Tensors
from eagle_mllm.models.pixels import PixelSource


class ProcessorPixels(PixelSource):
    """Hides regions in the 8-bit image, then runs the image processor on it."""

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
