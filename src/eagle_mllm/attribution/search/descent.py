"""Local search on an order: blocks of regions are moved to where they raise Σ_r F(π_:r) most."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.attribution.search.blocks import Block
from eagle_mllm.attribution.search.budget import ObjectiveValues

# Gains below this are rounding, and would be taken back in the next round.
_LEAST_GAIN = 1e-6

# Prefixes this near to the best one, as a share of what F ranges over, are as good as they can be.
_SATURATED = 0.002


class Move(NamedTuple):
    """A block that goes to another place of the order; those between make room."""

    start: int
    """Where it stands."""
    stop: int
    """Where it goes."""
    gain: float
    """What it adds to the sum of F over the prefixes of the order."""


def settle(
    blocks: Sequence[Block], values: ObjectiveValues, *, reach: int, n_regions: int, limit: int
) -> list[Block]:
    """An order of the blocks that no short move improves.

    Every round tries all moves of a block by up to some number of places, at first by one, and
    makes the best set of moves that do not touch each other. When nothing helps any more, longer
    moves are tried. A move by d places changes d prefixes of the order, so it costs 2d images, and
    moves in different places of the order are independent of each other: a round is one batch.
    Prefixes whose F is saturated are left alone: usually all but the first few of a single word.

    Args:
        blocks: an order of blocks, each a set of regions that is shown at once
        values: F
        reach: by how many places a block may move
        n_regions: number of regions
        limit: of images scored; what has been reached by then is returned
    """
    blocks, distance = list(blocks), 1
    while distance <= reach and values.spent < limit:
        moves = _best_moves(_gains(blocks, values, distance, n_regions=n_regions, limit=limit))
        for move in moves:
            blocks.insert(move.stop, blocks.pop(move.start))
        distance = 1 if moves else distance + 1
    return blocks


def prefixes(blocks: Sequence[Block], n_regions: int) -> Bool[np.ndarray, "prefixes regions"]:
    """The first 0, 1, … and all of the blocks, as subsets of the regions."""
    shown = np.zeros((len(blocks) + 1, n_regions), dtype=bool)
    for place, block in enumerate(blocks):
        shown[place + 1 :, block] = True
    return shown


def known_values(
    start: Bool[np.ndarray, "prefixes regions"], values: ObjectiveValues, limit: int
) -> Float[np.ndarray, " prefixes"]:
    """F of prefixes, NaN for those that the limit leaves no passes for.

    The empty and the whole image come first: they say what F ranges over.
    """
    worth = np.array([0, len(start) - 1, *range(1, len(start) - 1)])
    known = worth[: values.affordable(start[worth], limit)]
    found = np.full(len(start), np.nan)
    found[known] = values(start[known])
    return found


def unsaturated(values: Float[np.ndarray, " prefixes"]) -> Bool[np.ndarray, " prefixes"]:
    """Whether F of a prefix can still rise worth mentioning; False where it is not known (NaN).

    Args:
        values: F of the prefixes of one order
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    return np.asarray(known.max() - values > _SATURATED * (known.max() - known.min()))


def _gains(
    blocks: Sequence[Block], values: ObjectiveValues, reach: int, *, n_regions: int, limit: int
) -> list[Move]:
    """Every move by up to `reach` places that helps; short ones first where passes are scarce.

    When the block at place q goes to place p < q, the prefixes of p+1 to q blocks each get it in
    exchange for their last one. When it goes to p > q, they each lose it for the block after them.
    """
    start = prefixes(blocks, n_regions)
    before = known_values(start, values, limit)
    open_sizes = set(np.flatnonzero(unsaturated(before)).tolist()) - {0, len(blocks)}
    changed = [
        (place, size)
        for distance in range(reach)
        for place in range(len(blocks))
        for size in (place - distance, place + 1 + distance)
        if size in open_sizes
    ]
    if not changed:
        return []
    shown = np.stack([_with_moved(start, blocks, place, size) for place, size in changed])
    known = values.affordable(shown, limit)
    after = dict(zip(changed[:known], values(shown[:known]), strict=True))
    return _moves(after, before, len(blocks), reach)


def _with_moved(
    start: Bool[np.ndarray, "prefixes regions"], blocks: Sequence[Block], place: int, size: int
) -> Bool[np.ndarray, " regions"]:
    """The prefix of `size` blocks after the block at `place` has moved across its end."""
    earlier = size <= place
    shown: np.ndarray = start[size - 1 if earlier else size + 1].copy()
    shown[blocks[place]] = earlier
    return shown


def _moves(
    after: dict[tuple[int, int], float],
    before: Float[np.ndarray, " prefixes"],
    n_blocks: int,
    reach: int,
) -> list[Move]:
    moves = []
    for place in range(n_blocks):
        for step in (-1, 1):
            gain, size = 0.0, place if step < 0 else place + 1
            for distance in range(1, reach + 1):
                if (place, size) not in after:
                    break
                gain += after[place, size] - before[size]
                if gain > _LEAST_GAIN:
                    moves.append(Move(place, place + step * distance, gain))
                size += step
    return moves


def _best_moves(moves: Sequence[Move]) -> list[Move]:
    """The moves with the largest sum of gains of which no two touch the same place."""
    moves = sorted(moves, key=lambda move: max(move[:2]))
    ends = [max(move[:2]) for move in moves]
    best: list[tuple[float, list[Move]]] = [(0.0, [])]
    for move in moves:
        gain, chosen = best[bisect_right(ends, min(move[:2]) - 1)]
        taken = (gain + move.gain, [*chosen, move])
        best.append(max(taken, best[-1], key=lambda one: one[0]))
    return best[-1][1]
