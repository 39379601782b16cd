"""Does a saliency map point at the object?"""

import numpy as np

from eagle_mllm.arrays import Mask, Saliency
from eagle_mllm.errors import ResultError


def maximum_point(saliency: Saliency) -> tuple[int, int]:
    """Row and column of a map's maximum; of a plateau, its pixel nearest to its centroid.

    A region's pixels share one value, so the maximum is a plateau as a rule. Any pixel of it
    would do as "the" maximum; the one nearest to the centroid is its best representative.
    """
    plateau = np.argwhere(saliency == saliency.max())
    distance = ((plateau - plateau.mean(axis=0)) ** 2).sum(axis=1)
    row, column = plateau[int(distance.argmin())]
    return int(row), int(column)


def pointing_game(saliency: Saliency, mask: Mask) -> bool:
    """Whether the map's maximum point lies inside the mask.

    The pointing game of https://arxiv.org/abs/1608.00507, on a box or on an outline, whichever
    the mask holds. The reference code of EAGLE counts any overlap of the arg-max plateau with the
    object instead (`pointing_game_any_overlap`); this is the stricter question.

    Args:
        saliency: a map, larger where more decisive
        mask: True on the object, of the same shape

    Raises:
        ResultError: the shapes differ
    """
    _require_one_shape(saliency, mask)
    return bool(mask[maximum_point(saliency)])


def pointing_game_any_overlap(saliency: Saliency, mask: Mask) -> bool:
    """Whether any pixel of the map's maximal plateau lies inside the mask.

    This is how the reference code of EAGLE plays the pointing game. It flatters maps of regions:
    one pixel of a large region is enough, and a constant map always hits. Report it beside
    `pointing_game`, never instead.

    Args:
        saliency: a map, larger where more decisive
        mask: True on the object, of the same shape

    Raises:
        ResultError: the shapes differ
    """
    _require_one_shape(saliency, mask)
    return bool((saliency == saliency.max())[mask].any())


def _require_one_shape(saliency: Saliency, mask: Mask) -> None:
    if saliency.shape != mask.shape:
        raise ResultError(
            f"the map has shape {saliency.shape}, the mask {mask.shape}; bring both to the image's"
        )
