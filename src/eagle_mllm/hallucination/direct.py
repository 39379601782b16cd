"""The smallest removal that makes a model answer rightly, sought directly.

The paper's order supports the right answer; it does not look for the smallest removal. Here every
region is removed alone first, then pairs of the best and blocks of neighbours; `try_order` tries
the end of an order. Whatever corrects is pruned: no region that is removed can be put back alone.
Removals are compared by the log-odds of the right answer against the given one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.hallucination.halving import halves
from eagle_mllm.values import ArrayValue

RIGHT, GIVEN = 0, 1
"""Columns of the scores that this search reads: the right answer's, and the given one's."""

_CHEAP = 8
"""Regions in a removal up to which others than the smallest one are pruned too."""

_TINY = 1e-12
_ROUNDING = 1e-9

Order = Int[np.ndarray, " regions"]


@dataclass(frozen=True, kw_only=True)
class DirectSearch:
    """How far to look. A frozen value, as every search is."""

    shortlist: int = 12
    """How many of the best single regions are removed in pairs."""

    beam: int = 3
    """How many of the best pairs are extended by a third region, and how many removals pruned."""

    splits: int = 2
    """How often the regions that are removed are cut into four and pruned again; 0 for never."""

    small: float = 0.002
    """Share of the image under which a removal is not cut any further."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Removal(ArrayValue):
    """Regions that are hidden, after which the model answers rightly."""

    removed: Int[np.ndarray, " removed"]
    """Which regions, rising."""

    area: float
    """Their share of the image that the model sees."""

    def __post_init__(self) -> None:
        self._freeze_arrays()


class Removals:
    """What removals of some regions do, and the smallest found so far that corrects.

    Args:
        evaluate: probability of the right answer and of the given one for subsets of regions
        areas: share of each region; 0 for those that the model does not see
        accepted: vocabulary ids that begin the right answer
    """

    def __init__(
        self,
        evaluate: Evaluate,
        areas: Float[np.ndarray, " regions"],
        *,
        accepted: Collection[int],
    ) -> None:
        self._evaluate = evaluate
        self._accepted = list(accepted)
        self.areas = areas
        self.found: list[Removal] = []

    def try_all(
        self, removed: Bool[np.ndarray, "batch regions"]
    ) -> tuple[Bool[np.ndarray, " batch"], Float[np.ndarray, " batch"]]:
        """Whether each removal corrects the answer, and the log-odds of the right one.

        The empty image corrects nothing: a model that sees nothing guesses.
        """
        if not len(removed):
            return np.zeros(0, dtype=bool), np.zeros(0)
        scores = self._evaluate(~removed)
        p = scores.probability.astype(np.float64) + _TINY
        shows_something = (~removed & (self.areas > 0)).any(axis=1)
        corrects = np.isin(scores.predicted[:, RIGHT], self._accepted) & shows_something
        self.found += [self._removal(row) for row in removed[corrects]]
        return corrects, np.log(p[:, RIGHT]) - np.log(p[:, GIVEN])

    def smallest(self) -> list[Removal]:
        """Those that correct, by area, then by number, then by index."""
        unique = {removal.removed.tobytes(): removal for removal in self.found}
        return sorted(
            unique.values(),
            key=lambda one: (round(one.area, 9), len(one.removed), one.removed.tolist()),
        )

    def pruned(self, removal: Removal) -> Removal:
        """The removal without the regions that are not needed: none can be put back alone.

        Parts of it are put back, first halves, then smaller ones down to single regions, as in
        delta debugging (Zeller & Hildebrandt 2002). Of parts that can be put back, the largest go
        first.
        """
        needed, n_parts = removal.removed, 2
        while len(needed) > 1:
            parts = np.array_split(needed, min(n_parts, len(needed)))
            corrects, _ = self.try_all(self.rows(np.setdiff1d(needed, part) for part in parts))
            spare = [part for part, good in zip(parts, corrects, strict=True) if good]
            if spare:
                spare.sort(key=lambda part: -float(self.areas[part].sum()))
                needed = self._without(needed, spare)
                n_parts = max(2, n_parts - 1)
            elif n_parts >= len(needed):
                break
            else:
                n_parts = min(2 * n_parts, len(needed))
        return self._removal(self.rows([needed])[0])

    def rows(self, removals: Iterable[Int[np.ndarray, " _"]]) -> Bool[np.ndarray, "batch regions"]:
        """Removals as rows of truth values."""
        chosen = list(removals)
        rows = np.zeros((len(chosen), len(self.areas)), dtype=bool)
        for row, regions in zip(rows, chosen, strict=True):
            row[regions] = True
        return rows

    def _without(
        self, needed: Int[np.ndarray, " needed"], spare: Sequence[Int[np.ndarray, " _"]]
    ) -> Int[np.ndarray, " left"]:
        """Put back as many parts as can be at once: halves of the list, until one is left."""
        count = len(spare)
        while count > 1:
            left = np.setdiff1d(needed, np.concatenate(spare[:count]))
            if len(left) and self.try_all(self.rows([left]))[0][0]:
                return left
            count = (count + 1) // 2
        return np.setdiff1d(needed, spare[0])

    def _removal(self, row: Bool[np.ndarray, " regions"]) -> Removal:
        return Removal(removed=np.flatnonzero(row), area=float(self.areas[row].sum()))


def smallest_removal(search: DirectSearch, removals: Removals, layout: Layout) -> Removal | None:
    """The smallest removal of whole regions that corrects the answer; None if none was found.

    Args:
        search: how far to look
        removals: what removals do
        layout: where the regions are
    """
    seen = np.flatnonzero(removals.areas > 0)
    if not len(seen):
        return None
    _, odds = removals.try_all(removals.rows(seen[:, np.newaxis]))
    if _cannot_be_smaller(removals, seen):
        return removals.smallest()[0]
    best_first = seen[np.argsort(-odds, kind="stable")]
    _try_few(search, removals, best_first)
    _try_many(removals, layout, seen, best_first)
    for place, removal in enumerate(removals.smallest()[: search.beam]):
        if place == 0 or len(removal.removed) <= _CHEAP:
            removals.pruned(removal)
    smallest = removals.smallest()
    return smallest[0] if smallest else None


def try_order(removals: Removals, order: Order) -> None:
    """Remove the end of an order, longer and longer, then prune the shortest end that corrects."""
    ends = [order[kept:] for kept in range(len(order) - 1, 0, -1)]
    if not ends:
        return
    corrects, _ = removals.try_all(removals.rows(ends))
    if corrects.any():
        row = removals.rows([ends[int(np.argmax(corrects))]])[0]
        area = float(removals.areas[row].sum())
        removals.pruned(Removal(removed=np.flatnonzero(row), area=area))


def _cannot_be_smaller(removals: Removals, seen: Int[np.ndarray, " seen"]) -> bool:
    """Whether one region corrects and no two regions are smaller than it."""
    if not removals.found or len(seen) < 3:
        return bool(removals.found)
    least_two = np.sort(removals.areas[seen])[:2].sum()
    return bool(removals.smallest()[0].area <= least_two + _ROUNDING)


def _try_few(
    search: DirectSearch, removals: Removals, best_first: Int[np.ndarray, " seen"]
) -> None:
    """Pairs of the best single regions, then the best pairs with a third."""
    short = best_first[: search.shortlist]
    pairs = [np.array(pair) for pair in combinations(short.tolist(), 2)]
    if not pairs:
        return
    corrects, odds = removals.try_all(removals.rows(pairs))
    if corrects.any():
        return
    best = [pairs[index] for index in np.argsort(-odds, kind="stable")[: search.beam]]
    triples = {tuple(sorted((*pair.tolist(), int(one)))) for pair in best for one in short}
    whole = [np.array(triple) for triple in sorted(triples) if len(set(triple)) == 3]
    removals.try_all(removals.rows(whole))


def _try_many(
    removals: Removals,
    layout: Layout,
    seen: Int[np.ndarray, " seen"],
    best_first: Int[np.ndarray, " seen"],
) -> None:
    """Blocks of neighbours; if none corrects, the best regions together, then all but a block.

    Where any one of several regions is enough to err, every one of them must go at once.
    """
    blocks = [seen]
    level = [seen]
    while any(len(block) > 2 for block in level):
        level = [half for block in level for half in halves(block, layout.places)]
        blocks += [block for block in level if len(block) > 1]
    removals.try_all(removals.rows(blocks[1:]))
    if not removals.found:
        ends = [best_first[:count] for count in range(4, len(best_first))]
        removals.try_all(removals.rows(ends))
    if not removals.found:
        removals.try_all(removals.rows(np.setdiff1d(seen, block) for block in blocks[1:]))
