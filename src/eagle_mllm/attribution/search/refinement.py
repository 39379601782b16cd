"""Coarse to fine along the tree over the regions: steps 1 to 4 of the multilevel search."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.search.base import Order
from eagle_mllm.attribution.search.blocks import Block, Tree, by_neighbours
from eagle_mllm.attribution.search.budget import ObjectiveValues
from eagle_mllm.attribution.search.descent import (
    area_under,
    known_values,
    prefixes,
    settle,
    unsaturated,
)

_COARSE = 4
"""Step 1: blocks that the search begins with."""

_REACH = 1
"""Step 2: by how many places blocks may move."""

_AT_STAKE = 0.3
"""Step 3: a block is cut if its size times its change of F is such a share of the largest."""


@dataclass(frozen=True, eq=False)
class Refinement:
    """An order of blocks that is cut finer and finer where most is at stake."""

    layout: Layout
    values: ObjectiveValues
    limit: int
    """Of images scored, the trace included."""

    def orders(self) -> Generator[Order, None, Order]:
        """An order of the regions for each level, as fine as the limit allows in the end."""
        tree = Tree(self.layout.merges)
        nodes = self._greedy(tree, tree.coarsest(_COARSE))
        while True:
            nodes = [nodes[place] for place in self._settled(tree.members(nodes))]
            order = by_neighbours(tree.members(nodes), self.layout.places)
            yield order
            finer = self._cut(tree, nodes)
            if finer == nodes:
                return order
            nodes = finer

    def _limit_of(self, n_blocks: int) -> int:
        """What may be scored while the prefixes inside the blocks are still to be paid for."""
        return self.limit - 2 * (len(self.layout) - n_blocks)

    def _greedy(self, tree: Tree, nodes: Sequence[int]) -> list[int]:
        """Blocks in the order in which each raises F most, for its size."""
        rest, ordered = list(nodes), list[int]()
        limit = self._limit_of(len(nodes))
        while rest:
            blocks = tree.members(rest)
            start = prefixes(tree.members(ordered), len(self.layout))[-1]
            shown = np.stack([start, *(_with(start, block) for block in blocks)])
            if self.values.affordable(shown, limit) < len(shown):
                return ordered + rest
            before, *after = self.values(shown).tolist()
            rises = [(f - before) / len(block) for f, block in zip(after, blocks, strict=True)]
            ordered.append(rest.pop(int(np.argmax(rises))))
        return ordered

    def _settled(self, blocks: Sequence[Block]) -> list[int]:
        return settle(
            blocks,
            self.values,
            reach=_REACH,
            n_regions=len(self.layout),
            limit=self._limit_of(len(blocks)),
        )

    def _cut(self, tree: Tree, nodes: Sequence[int]) -> list[int]:
        """The blocks with most at stake in two, the half first under which F has more area.

        Blocks stay whole where the passes for both halves are missing.
        """
        blocks, limit = tree.members(nodes), self._limit_of(len(nodes))
        start = prefixes(blocks, len(self.layout))
        f = known_values(start, self.values, limit)
        halves = {place: tree.halves(nodes[place]) for place in _at_stake(blocks, f)}
        shown = np.zeros((2 * len(halves), len(self.layout)), dtype=bool)
        for row, (place, pair) in enumerate(halves.items()):
            for half, members in enumerate(tree.members(pair)):
                shown[2 * row + half] = _with(start[place], members)
        known = self.values.affordable(shown, limit) // 2
        found = self.values(shown[: 2 * known]).reshape(-1, 2)
        finer = {
            place: _best_first(tree, pair, f[place : place + 2], after)
            for (place, pair), after in zip(halves.items(), found, strict=False)
        }
        return [part for place, node in enumerate(nodes) for part in finer.get(place, (node,))]


def _at_stake(blocks: Sequence[Block], f: Float[np.ndarray, " prefixes"]) -> list[int]:
    """The places of the blocks of several regions that change F most, for all their regions.

    Args:
        blocks: an order of blocks
        f: F of its prefixes, NaN where it is not known
    """
    is_open = unsaturated(f)
    stakes = np.array([len(block) for block in blocks]) * np.abs(np.diff(f))
    stakes[np.isnan(stakes) | ~(is_open[:-1] | is_open[1:])] = 0
    stakes[[len(block) == 1 for block in blocks]] = 0
    return np.flatnonzero((stakes > 0) & (stakes >= _AT_STAKE * stakes.max())).tolist()


def _best_first(
    tree: Tree,
    pair: tuple[int, int],
    ends: Float[np.ndarray, "2"],
    after: Float[np.ndarray, "2"],
) -> tuple[int, int]:
    """Two halves of a block in the order that gives F more area.

    Args:
        tree: the tree over the regions
        pair: the halves
        ends: F before and after the whole block
        after: F after either half alone
    """
    first, second = pair
    sizes = np.array([len(block) for block in tree.members(pair)])
    before, end = ends
    as_is = area_under(np.array([before, after[0], end]), sizes)
    turned = area_under(np.array([before, after[1], end]), sizes[::-1])
    return (first, second) if as_is >= turned else (second, first)


def _with(start: np.ndarray, block: Block) -> np.ndarray:
    shown: np.ndarray = start.copy()
    shown[block] = True
    return shown
