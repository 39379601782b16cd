"""Local search on an order: blocks of regions are moved to where the area under F grows most."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

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
    """What it adds to the area under F, in regions."""


def settle(
    blocks: Sequence[Block], values: ObjectiveValues, *, reach: int, n_regions: int, limit: int
) -> list[int]:
    """An order of the blocks that no short move improves.

    Every round tries all moves of a block by up to some number of places, at first by one, and
    makes the best set of moves that do not touch each other. When nothing helps any more, longer
    moves are tried. A move by d places changes d prefixes of the order, so it costs 2d images, and
    moves in different places of the order are independent of each other: a round is one batch.
    Prefixes whose F is saturated are left alone: usually all but the first few of a single word.

    What counts is the area under F against the number of regions shown, so that a large block
    must raise F more than a small one to stand in the same place.

    Args:
        blocks: an order of blocks, each a set of regions that is shown at once
        values: F
        reach: by how many places a block may move
        n_regions: number of regions
        limit: of images scored; what has been reached by then is returned

    Returns:
        The places of the blocks in the order found
    """
    order, distance = list(range(len(blocks))), 1
    while distance <= reach and values.spent < limit:
        current = [blocks[place] for place in order]
        moves = _best_moves(_gains(current, values, distance, n_regions=n_regions, limit=limit))
        for move in moves:
            order.insert(move.stop, order.pop(move.start))
        distance = 1 if moves else distance + 1
    return order


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
    return _moves(after, before, np.array([len(block) for block in blocks]), reach)


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
    sizes: Int[np.ndarray, " blocks"],
    reach: int,
) -> list[Move]:
    """The moves that help, by F after each step of each of them and F of the order as it is."""
    moves = []
    for place in range(len(sizes)):
        for step in (-1, 1):
            size, passed = place if step < 0 else place + 1, list[float]()
            for distance in range(1, reach + 1):
                if (place, size) not in after:
                    break
                passed.append(after[place, size])
                size += step
                stop = place + step * distance
                gain = _gain(place, stop, passed[::step], before, sizes)
                if gain > _LEAST_GAIN:
                    moves.append(Move(place, stop, gain))
    return moves


def _gain(
    start: int,
    stop: int,
    passed: Sequence[float],
    before: Float[np.ndarray, " prefixes"],
    sizes: Int[np.ndarray, " blocks"],
) -> float:
    """What the area under F gains between the two places of a move.

    Args:
        start: where the block stands
        stop: where it goes
        passed: F of the prefixes that change, in the order of their sizes
        before: F of the prefixes as they are
        sizes: regions of each block
    """
    first, last = min(start, stop), max(start, stop) + 1
    between = sizes[first:last]
    moved = np.roll(between, 1 if stop < start else -1)
    found = np.array([before[first], *passed, before[last]])
    return area_under(found, moved) - area_under(before[first : last + 1], between)


def area_under(values: Float[np.ndarray, " prefixes"], sizes: Int[np.ndarray, " blocks"]) -> float:
    """The area under F against the number of regions shown, by the trapezoidal rule.

    Args:
        values: F of the prefixes of an order of blocks
        sizes: regions of each block, one fewer than prefixes
    """
    return float(((values[1:] + values[:-1]) * sizes).sum() / 2)


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
