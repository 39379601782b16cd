"""Does a saliency map point at the object?"""

import numpy as np

from eagle_mllm.arrays import Mask, Saliency


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

    The pointing game of https://arxiv.org/abs/1608.00507. The reference code of EAGLE counts any
    overlap of the arg-max plateau with the object instead; this is the stricter question.
    """
    return bool(mask[maximum_point(saliency)])
