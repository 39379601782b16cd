"""Stripes over the regions that a model never sees, apart from all colours of the saliency."""

from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from eagle_mllm.arrays import Mask, RGBImage

_STRIPES = 40
"""How many stripes cross the longer side."""

_STRIPE, _GROUND = 235, 105
_OPACITY = 0.85


def hatched(image: RGBImage, unseen: Mask) -> RGBImage:
    """The image with stripes where `unseen` is true."""
    greys = _greys(unseen)[..., None]
    mixed = np.rint((1.0 - _OPACITY) * image + _OPACITY * greys).astype(np.uint8)
    return np.where(unseen[..., None], mixed, image)


def hatching(unseen: Mask) -> bytes:
    """The stripes alone, as a PNG that is transparent elsewhere, to lay over an image."""
    layer = np.zeros((*unseen.shape, 2), np.uint8)
    layer[..., 0] = _greys(unseen)
    layer[..., 1] = np.where(unseen, round(255 * _OPACITY), 0)
    buffer = BytesIO()
    Image.fromarray(layer).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _greys(unseen: Mask) -> UInt8[np.ndarray, "h w"]:
    rows, columns = np.indices(unseen.shape)
    half = max(1, round(max(unseen.shape) / _STRIPES / 2))
    return np.where((rows + columns) // half % 2, _STRIPE, _GROUND).astype(np.uint8)
