"""Coarse to fine, and back again: the search that is used unless another is asked for.

    1. Cut the image into 8 blocks of neighbours and order them greedily by F.       (_COARSE)
    2. Settle: move blocks by a few places while Σ_r F(π_:r) rises.                  (_REACH)
    3. Refine: cut each block in two, the half with the larger F first, and settle
       again, until every block is one region.
    4. Cycle: cut the order found into pieces of 4, 2 and 1 regions, anew each time,
       and settle those, while passes are left and anything improves.                (_CYCLE)

Eight regions a to h from left to right, three levels, of which F sees c and d alone, and only
together:

    1.  [abcd] [efgh]          two blocks here; the left one raises F more
    3.  [cd] [ab] [ef] [gh]    the half that holds both comes first
    3.  c d a b e f g h        single regions
    4.  the order is cut into pieces such as [c] [da] [be] [fg] [h], and none of their moves helps

A search that adds one region at a time sees no difference between any two of them at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.base import (
    Ranking,
    SearchStrategy,
    is_whole,
    require_budget,
    require_whole,
)
from eagle_mllm.attribution.search.blocks import Block, coarse_blocks, halves
from eagle_mllm.attribution.search.budget import ObjectiveValues
from eagle_mllm.attribution.search.descent import known_values, prefixes, settle, unsaturated
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.errors import SettingError

_COARSE = 8
"""Step 1: blocks that the search begins with."""

_REACH = (3, 3, 2, 1)
"""Step 2: by how many places blocks of each level may move, the coarsest first."""

_CYCLE = (4, 2, 1)
"""Step 4: lengths of the pieces of an order that one cycle moves, one after another."""

_CYCLE_REACH = 3
"""Step 4: by how many places pieces may move: by one at first, by one more after an idle cycle."""

_PATIENCE = 12
"""Step 4: cycles in a row without any gain after which the search ends early."""

_THRIFTY_PATIENCE = 2
"""The same for a search that also ends where it gains too little."""

_THRIFTY_GAIN = 0.005
"""`least_gain` of a thrifty search."""

_THRIFTY_PASSES = 11
"""Passes per region that a word among several typically adds, on captions of the demo models."""

_FIRST = 8
"""Passes per region before such a search asks for the first time what it has gained."""

_STRETCH = 6
"""Passes per region from one such question to the next."""

_PER_REGION = 22
"""Passes per region where no budget is given."""


@dataclass(frozen=True, kw_only=True)
class MultilevelSearch(SearchStrategy):
    """Orders blocks of neighbouring regions, halves them, and improves the order at every level.

    Regions of one object often count only together, which a greedy search, adding one at a time,
    cannot see. Here eight blocks of neighbours are ordered greedily; then every block is cut in
    two, the better half first, and blocks are moved by a few places as long as Σ_r F(π_:r) of
    Eq. 1 rises, until every block is one region. The rest of the budget goes into cycles: the order
    found is itself cut into pieces of 4, 2 and 1 regions, which are moved in the same way; the cut
    is another one each time, and a cycle that does not raise the sum is dropped.

    The search asks large batches of independent subsets, and any budget that pays for the
    trace gives a complete order: more passes, a better one. It may end early where nothing improves
    any more.

    Raises:
        SettingError: the budget is less than 1, the seed negative, one of them not whole, or the
            least gain not in [0, 1)
    """

    budget: int | None = None
    """Most images to score in one explanation, its trace included; None is 22 per region, but no
    more than exact greedy search takes. The trace alone takes 2 images per region; a
    smaller budget is refused."""

    seed: int = 0
    """Of the cuts; equal seeds give equal orders."""

    least_gain: float = 0.0
    """The search also ends where 6 more passes per region raised the mean of F over its order by
    less than this share of λ1 + λ2; 0 goes on as long as anything improves."""

    def __post_init__(self) -> None:
        require_whole(self, "budget")
        if not is_whole(self.seed):
            raise SettingError(f"seed must be a whole number; got {self.seed!r}")
        if self.seed < 0:
            raise SettingError(f"seed must not be negative; got {self.seed}")
        if not 0 <= self.least_gain < 1:
            raise SettingError(f"least_gain must be from 0 to below 1; got {self.least_gain}")

    @property
    def name(self) -> str:
        """The name "multilevel"."""
        return "multilevel"

    def rank(self, layout: Layout, evaluate: Evaluate, objective: Objective) -> Ranking:
        """See `SearchStrategy`."""
        n_regions, rng = len(layout), np.random.default_rng(self.seed)
        budget = self._budget(n_regions)
        limit = min(_FIRST * n_regions, budget) if self.least_gain else budget
        patience = _THRIFTY_PATIENCE if self.least_gain else _PATIENCE
        run = _Run(layout.centroids, ObjectiveValues(evaluate, objective), limit)
        order = run.improved(run.coarse_to_fine(), rng, patience=patience)
        least_rise = self.least_gain * (objective.insight + objective.necessity) * (n_regions + 1)
        rise = np.inf
        while run.limit < budget and rise >= least_rise:
            before = run.total(order)
            run = replace(run, limit=min(run.limit + _STRETCH * n_regions, budget))
            order = run.improved(order, rng, patience=patience)
            rise = run.total(order) - before
        return Ranking(order=order, searched=n_regions)

    def thrifty(self) -> "MultilevelSearch":
        """The same with a `least_gain` of 0.005, unless it has one of its own."""
        return self if self.least_gain else replace(self, least_gain=_THRIFTY_GAIN)

    def planned_passes(self, n_regions: int) -> int:
        """The budget, or every subset where there are fewer; often a little less is scored."""
        budget = self._budget(n_regions)
        return min(budget, _THRIFTY_PASSES * n_regions) if self.least_gain else budget

    def _budget(self, n_regions: int) -> int:
        exact = GreedySearch().planned_passes(n_regions)
        require_budget(self.budget, n_regions, least=2 * n_regions)
        budget = min(_PER_REGION * n_regions, exact) if self.budget is None else self.budget
        return max(min(budget, 1 << min(n_regions, 62)), 2 * n_regions)


@dataclass(frozen=True, eq=False)
class _Run:
    """One search: F, and how many images it may take."""

    centroids: Float[np.ndarray, "regions axes"]
    values: ObjectiveValues
    limit: int

    @property
    def n_regions(self) -> int:
        return len(self.centroids)

    @property
    def coarse_limit(self) -> int:
        """What may be scored while the prefixes of a final order are still to be paid for."""
        return self.limit - 2 * self.n_regions

    def coarse_to_fine(self) -> Int[np.ndarray, " regions"]:
        blocks = self.greedy(coarse_blocks(self.centroids, at_least=_COARSE))
        for reach in _REACH[:-1]:
            blocks = self.settled(blocks, reach)
            blocks = self.refined(blocks)
        while len(blocks) < self.n_regions:
            blocks = self.refined(self.settled(blocks, _REACH[-1]))
        return np.concatenate(self.settled(blocks, _REACH[-1]))

    def improved(
        self,
        order: Int[np.ndarray, " regions"],
        rng: np.random.Generator,
        *,
        patience: int,
    ) -> Int[np.ndarray, " regions"]:
        """The order after as many cycles as the budget allows, and what is left of it in moves."""
        best, idle, reach = self.total(order), 0, 1
        while idle < patience and self.values.spent < self.coarse_limit:
            candidate = order
            for length in _CYCLE:
                pieces = _pieces(candidate, length, int(rng.integers(length)))
                candidate = np.concatenate(self.settled(pieces, reach))
            total = self.total(candidate)
            if total > best:
                order, best, idle = candidate, total, 0
            else:
                idle, reach = idle + 1, min(reach + 1, _CYCLE_REACH)
        return np.concatenate(self.settled(list(order[:, np.newaxis]), _CYCLE_REACH))

    def greedy(self, blocks: Sequence[Block]) -> list[Block]:
        """Blocks in the order in which each raises F most."""
        rest, ordered = list(blocks), list[Block]()
        while rest:
            shown = np.repeat(prefixes(ordered, self.n_regions)[-1:], len(rest), axis=0)
            for row, block in zip(shown, rest, strict=True):
                row[block] = True
            if self.values.affordable(shown, self.coarse_limit) < len(rest):
                return ordered + rest
            ordered.append(rest.pop(int(self.values(shown).argmax())))
        return ordered

    def settled(self, blocks: Sequence[Block], reach: int) -> list[Block]:
        is_coarse = len(blocks) < self.n_regions
        return settle(
            blocks,
            self.values,
            reach=reach,
            n_regions=self.n_regions,
            limit=self.coarse_limit if is_coarse else self.limit,
        )

    def refined(self, blocks: Sequence[Block]) -> list[Block]:
        """Every block cut in two, the half with the larger F first where F is not saturated."""
        cut = [halves(block, self.centroids) for block in blocks]
        start = prefixes(blocks, self.n_regions)
        matters = self.unsaturated_blocks(start)
        pairs = [place for place, pair in enumerate(cut) if len(pair) == 2 and matters[place]]
        shown = np.repeat(start[pairs], 2, axis=0)
        for row, half in zip(shown, (half for place in pairs for half in cut[place]), strict=True):
            row[half] = True
        known = self.values.affordable(shown, self.coarse_limit) // 2
        found = self.values(shown[: 2 * known]).reshape(-1, 2)
        for place, (first, second) in zip(pairs[:known], found, strict=True):
            if second > first:
                cut[place].reverse()
        return [half for pair in cut for half in pair]

    def unsaturated_blocks(
        self, start: Bool[np.ndarray, "prefixes regions"]
    ) -> Bool[np.ndarray, " blocks"]:
        """Whether F can still rise between the two ends of each block."""
        is_open = unsaturated(known_values(start, self.values, self.coarse_limit))
        return np.asarray(is_open[:-1] | is_open[1:])

    def total(self, order: Int[np.ndarray, " regions"]) -> float:
        """Σ_r F(π_:r); minus infinity where it cannot be paid for."""
        shown = prefixes(list(order[:, np.newaxis]), self.n_regions)
        if self.values.affordable(shown, self.limit) < len(shown):
            return -np.inf
        return float(self.values(shown).sum())


def _pieces(order: Int[np.ndarray, " regions"], length: int, start: int) -> list[Block]:
    """The order cut at `start` and then after every so many regions."""
    return [piece for piece in np.split(order, range(start, len(order), length)) if len(piece)]
