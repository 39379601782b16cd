"""Blocks of regions that belong together, as the tree over the regions gives them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.attribution.hierarchy import Merges

Block = Int[np.ndarray, " _"]
"""Regions that stand together in an order; blocks of one order differ in length."""

_NEAR = 0.8
"""How far the neighbourhood of a region reaches, in distances between regions."""


class Tree:
    """Every block of a tree by its number: region k is block k, and step k makes block N + k.

    Args:
        merges: what each step joins
    """

    def __init__(self, merges: Merges) -> None:
        self._halves: list[tuple[int, int]] = [(first, second) for first, second in merges.tolist()]
        self._members: list[Block] = [np.array([region]) for region in range(len(merges) + 1)]
        for first, second in self._halves:
            self._members.append(np.concatenate([self._members[first], self._members[second]]))

    @property
    def n_regions(self) -> int:
        """How many regions there are."""
        return len(self._halves) + 1

    def members(self, blocks: Sequence[int]) -> list[Block]:
        """The regions of each block."""
        return [self._members[block] for block in blocks]

    def halves(self, block: int) -> tuple[int, int]:
        """The two blocks that were joined to a block of several regions."""
        return self._halves[block - self.n_regions]

    def coarsest(self, at_least: int) -> list[int]:
        """So many blocks that hold every region once, or single regions where there are fewer.

        Args:
            at_least: how many blocks
        """
        blocks = [len(self._members) - 1]
        while len(blocks) < min(at_least, self.n_regions):
            latest = max(blocks)
            blocks.remove(latest)
            blocks.extend(self.halves(latest))
        return blocks


def by_neighbours(
    blocks: Sequence[Block], places: Float[np.ndarray, "regions axes"]
) -> Int[np.ndarray, " regions"]:
    """An order of all regions that goes through the blocks, each from what is shown outwards.

    The next region of a block is the one with most shown and fewest hidden regions around it, so
    that the border between what is shown and what is not stays short.

    Args:
        blocks: an order of blocks that hold every region once
        places: where the regions are
    """
    distance = np.linalg.norm(places[:, np.newaxis] - places, axis=-1)
    reach = _NEAR * len(places) ** (-1 / places.shape[1])
    nearness = np.exp(-(distance**2) / (2 * reach**2))
    balance = -nearness.sum(axis=1)  # shown less hidden
    order = list[int]()
    for block in blocks:
        rest = block.tolist()
        while rest:
            following = rest.pop(int(balance[rest].argmax()))
            balance += 2 * nearness[following]
            order.append(following)
    return np.array(order)
