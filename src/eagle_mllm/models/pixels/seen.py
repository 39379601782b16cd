"""Which regions a model can see at all, and which change its pixels when they are hidden.

One rule for each, whichever way the pixels are made.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from eagle_mllm.arrays import Mask, RGBImage
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pixels.pipeline import View

_SHARE = 0.02
"""Of a region, or of what a model gets: less of it is the rounding of a crop to whole pixels."""

_STRIP = 256
"""Rows that are counted at a time, so that a large photograph takes little memory."""


def seen_regions(
    views: Sequence[View], shape: tuple[int, int], *, regions: Regions
) -> Bool[np.ndarray, " regions"]:
    """True for a region whose content reaches the model.

    A pixel reaches the model if its centre, moved by the resize, is inside the part of a view that
    the model gets. A region is seen if at least 2 % of its pixels reach the model, or if they are
    at least 2 % of all that do. A region beyond a crop is not seen, although the crop may be a
    column off its border, and although the filter of the resize mixes its nearest pixels into the
    border of the crop.

    Args:
        views: what the model gets of an image of this size
        shape: height and width of the image
        regions: a partition of it
    """
    reaches = _reaching(views, shape)
    n_kept = _count(regions, reaches)
    enough = np.minimum(_count(regions, np.ones_like(reaches)), n_kept.sum())
    seen: Bool[np.ndarray, " regions"] = (n_kept > 0) & (n_kept >= _SHARE * enough)
    return seen


def hideable_regions(
    views: Sequence[View], image: RGBImage, *, filled: RGBImage, regions: Regions
) -> Bool[np.ndarray, " regions"]:
    """True for a region that is seen and that differs from its fill where it is.

    Args:
        views: what the model gets of an image of this size
        image: the image
        filled: the same image with everything hidden
        regions: a partition of it
    """
    shape = image.shape[:2]
    differs: Mask = _reaching(views, shape) & (image != filled).any(axis=-1)
    return seen_regions(views, shape, regions=regions) & (_count(regions, differs) > 0)


def _reaching(views: Sequence[View], shape: tuple[int, int]) -> Mask:
    """True where a pixel's centre is inside the part of some view that the model gets."""
    reaches = np.zeros(shape, bool)
    for view in views:
        down, across = ((places >= 0) & (places < 1) for places in view.places(shape))
        reaches |= np.outer(down, across)
    return reaches


def _count(regions: Regions, where: Mask) -> Int[np.ndarray, " regions"]:
    counts = np.zeros(len(regions), int)
    for top in range(0, len(where), _STRIP):  # counting widens labels to 8 bytes each
        strip = slice(top, top + _STRIP)
        counts += np.bincount(regions.labels[strip][where[strip]], minlength=len(regions))
    return counts
