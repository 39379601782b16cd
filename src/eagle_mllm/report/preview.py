"""The map while it is sought: cheap to draw, without matplotlib."""

import numpy as np
from jaxtyping import UInt8

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.saliency import saliency_map
from eagle_mllm.attribution.search.base import Order
from eagle_mllm.report.pictures import (
    picture_shape,
    resized_image,
    resized_values,
    saliency_over,
)

_MAX_SIDE = 800


def preview(image: RGBImage, regions: Regions, order: Order) -> UInt8[np.ndarray, "new_h new_w 3"]:
    """An order of regions over the image: the first one bright, the last one dark, by their place.

    The saliency of a finished explanation also tells how much each region matters, for which its
    trace must be known.

    Args:
        image: the picture
        regions: a partition of it
        order: every region index once, the most decisive first

    Raises:
        ResultError: the image has frames; pictures are of one image
    """
    shape = picture_shape(regions.shape, max_side=_MAX_SIDE)
    values = np.empty(len(order))
    values[order] = np.linspace(1.0, 0.0, len(order))
    ranks = saliency_map(values, regions)
    return saliency_over(resized_image(image, shape), resized_values(ranks, shape))
