"""Hiding regions: what an image looks like where it is not shown."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from eagle_mllm.arrays import Mask, RGBImage, Subsets
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import SettingError

FillName = Literal["black", "mean", "blur"]
"""What hidden pixels take: black, the mean colour of the image, or the image out of focus."""

# Wide enough that an object of a tenth of the image loses its shape and keeps its colour.
_BLUR_SHARE = 0.1


def fill_image(image: RGBImage, fill: str) -> RGBImage:
    """The image with everything hidden: what each pixel becomes when its region is not shown.

    Args:
        image: the image as the user sees it, before any processor
        fill: a `FillName`. "black" is the paper's choice; "mean" is the mean of each channel,
            rounded; "blur" is a Gaussian blur whose standard deviation is a tenth of the longer
            side

    Raises:
        SettingError: the fill is unknown
    """
    if fill not in _FILLS:
        raise SettingError(f"unknown fill {fill!r}; choose one of {', '.join(_FILLS)}")
    return _FILLS[fill](image)


def masked_image(image: RGBImage, filled: RGBImage, visible: Mask) -> RGBImage:
    """`image` where a pixel is visible, `filled` elsewhere: I_S of the paper.

    Args:
        image: the image
        filled: the same image with everything hidden, from `fill_image`
        visible: True where the pixel's region is shown
    """
    return np.where(visible[..., np.newaxis], image, filled)


class MaskedImages:
    """The 8-bit images of subsets of regions, for whoever reads images: I_S of the paper.

    Args:
        image: the image as the user sees it
        regions: a partition of it
        fill: what hidden pixels become

    Raises:
        SettingError: the fill is unknown
    """

    def __init__(self, image: RGBImage, regions: Regions, *, fill: FillName) -> None:
        self._image = image
        self._filled = fill_image(image, fill)
        self._labels = regions.labels

    def __call__(self, shown: Subsets) -> list[RGBImage]:
        """One image per subset, in the order asked."""
        return [masked_image(self._image, self._filled, row[self._labels]) for row in shown]


def _black(image: RGBImage) -> RGBImage:
    return np.zeros_like(image)


def _mean(image: RGBImage) -> RGBImage:
    colour = np.rint(image.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
    return np.broadcast_to(colour, image.shape).copy()


def _blur(image: RGBImage) -> RGBImage:
    height, width = image.shape[-3:-1]
    blur = ImageFilter.GaussianBlur(_BLUR_SHARE * max(height, width))
    frames = [Image.fromarray(frame).filter(blur) for frame in image.reshape(-1, height, width, 3)]
    return np.stack([np.asarray(frame) for frame in frames]).reshape(image.shape)


_FILLS: dict[str, Callable[[RGBImage], RGBImage]] = {
    "black": _black,
    "mean": _mean,
    "blur": _blur,
}
