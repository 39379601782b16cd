"""Blocks of neighbouring regions, halved again and again until each holds one."""

import numpy as np
from jaxtyping import Float, Int

Block = Int[np.ndarray, " _"]
"""Regions, or pixels, that go together."""

Centroids = Float[np.ndarray, "regions axes"]


def halves(block: Block, centroids: Centroids) -> list[Block]:
    """A block cut in two across its longer side, equal in number; one region stays whole.

    Args:
        block: indices of regions
        centroids: row and column of each region, after the frame if there are frames
    """
    if len(block) == 1:
        return [block]
    places = centroids[block]
    extents = np.ptp(places, axis=0)
    longest = np.flatnonzero(extents == extents.max())[-1]  # the last of equals
    ordered = block[np.argsort(places[:, longest], kind="stable")]
    middle = (len(block) + 1) // 2
    return [ordered[:middle], ordered[middle:]]


def coarse_blocks(centroids: Centroids, *, at_least: int) -> list[Block]:
    """The regions in blocks of neighbours, halved until there are so many, or one region each.

    Args:
        centroids: row and column of each region, after the frame if there are frames
        at_least: how many blocks
    """
    blocks: list[Block] = [np.arange(len(centroids))]
    while len(blocks) < min(at_least, len(centroids)):
        blocks = [half for block in blocks for half in halves(block, centroids)]
    return blocks
