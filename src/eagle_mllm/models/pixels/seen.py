"""Which regions a model can see at all: one rule, whichever way its pixels are made."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from eagle_mllm.arrays import Mask, RGBImage
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pixels.pipeline import View

_SHARE = 0.02
"""Of a region, or of what a model gets: less of it is the rounding of a crop to whole pixels."""


def seen_regions(
    views: Sequence[View], image: RGBImage, *, filled: RGBImage, regions: Regions
) -> Bool[np.ndarray, " regions"]:
    """True for a region whose content reaches the model, so that hiding it changes something.

    A pixel reaches the model if its centre, moved by the resize, is inside the part of a view that
    the model gets. A region is seen if at least 2 % of its pixels reach the model, or if they are
    at least 2 % of all that do, and if one of them differs from its fill. A region beyond a crop is
    not seen, although the crop may be a column off its border, and although the filter of the
    resize mixes its nearest pixels into the border of the crop.

    Args:
        views: what the model gets of an image of this size
        image: the image
        filled: the same image with everything hidden
        regions: a partition of it
    """
    reaches = np.zeros(regions.shape, bool)
    for view in views:
        down, across = ((places >= 0) & (places < 1) for places in view.places(image.shape[:2]))
        reaches |= np.outer(down, across)
    n_kept = _count(regions, reaches)
    enough = n_kept >= _SHARE * np.minimum(_count(regions, np.ones_like(reaches)), n_kept.sum())
    differs: Mask = (image != filled).any(axis=-1)
    seen: Bool[np.ndarray, " regions"] = enough & (_count(regions, reaches & differs) > 0)
    return seen


def _count(regions: Regions, where: Mask) -> Int[np.ndarray, " regions"]:
    return np.bincount(regions.labels[where], minlength=len(regions))
