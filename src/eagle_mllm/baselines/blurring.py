"""The blurred image of IGOS++, so wide that little but colour is left."""

import numpy as np
from jaxtyping import Float

from eagle_mllm.arrays import RGBImage

_KERNELS = ((2000, 501), (800, 301), (500, 201), (0, 101))
"""From this width of the image on → the kernel's length in pixels."""


def blurred(image: RGBImage) -> Float[np.ndarray, "h w 3"]:
    """The image under a Gaussian kernel of k pixels with a standard deviation of k − 1.

    k is 101, or 201, 301 and 501 for images from 500, 800 and 2000 pixels of width. The image is
    reflected at its borders.

    Args:
        image: the image
    """
    length = next(kernel for width, kernel in _KERNELS if image.shape[1] >= width)
    down, across = (_weights(side, length) for side in image.shape[:2])
    values = image.astype(np.float32)
    return np.stack([down @ values[..., c] @ across.T for c in range(3)], axis=-1)


def _weights(side: int, length: int) -> Float[np.ndarray, "side side"]:
    """How much each place of an axis takes from each other one."""
    offsets = np.arange(length) - length // 2
    heights = np.exp(-0.5 * (offsets / (length - 1)) ** 2)
    heights /= heights.sum()
    weights = np.zeros((side, side))
    period = max(2 * (side - 1), 1)
    for offset, height in zip(offsets, heights, strict=True):
        places = (np.arange(side) + offset) % period
        places = np.minimum(places, period - places) if side > 1 else places
        weights[np.arange(side), places] += height
    return weights.astype(np.float32)
