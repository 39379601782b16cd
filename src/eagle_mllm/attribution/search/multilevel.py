"""Coarse to fine, and back again: the search that is used unless another is asked for.

    1. Undo the last steps of the tree over the regions until there are 4 blocks, and order
       them greedily by what each region of a block raises F.
    2. Settle: swap neighbouring blocks while the area under F grows.
    3. Refine: cut those blocks in two along the tree in which most is at stake, and settle
       again, while passes are left beside those for the trace.
    4. Order what is inside the blocks from the regions shown outwards.
    5. Cycle: cut the order found into pieces of 4, 2 and 1 regions, anew each time,
       and settle those, while passes are left and anything improves.

Eight regions a to h from left to right that the tree joins in pairs, of which F sees c and d
alone, and only together:

    1.  [abcd] [efgh]          the left one raises F
    3.  [cd] [ab] [efgh]       only [abcd] is cut, for the other changes nothing
    4.  c d b a e f g h        [ab] begins beside c

A search that adds one region at a time sees no difference between any two of them at first.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.base import (
    Order,
    Ranking,
    SearchStrategy,
    is_whole,
    require_budget,
    require_whole,
)
from eagle_mllm.attribution.search.blocks import Block
from eagle_mllm.attribution.search.budget import ObjectiveValues
from eagle_mllm.attribution.search.descent import prefixes, settle
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.attribution.search.refinement import Refinement
from eagle_mllm.errors import SettingError

_CYCLE = (4, 2, 1)
"""Step 5: lengths of the pieces of an order that one cycle moves, one after another."""

_CYCLE_REACH = 3
"""Step 5: by how many places pieces may move: by one at first, by one more after an idle cycle."""

_PATIENCE = 12
"""Step 5: cycles in a row without any gain after which the search ends early."""

_THRIFTY_PATIENCE = 1
"""The same for a search that also ends where it gains too little."""

_THRIFTY_GAIN = 0.005
"""`least_gain` of a thrifty search."""

_THRIFTY_PASSES = 7
"""Passes per region that a word among several typically adds, on captions of the demo models."""

_FIRST = 6
"""Passes per region before such a search asks for the first time what it has gained."""

_STRETCH = 3
"""Passes per region from one such question to the next."""

_PER_REGION = 12.5
"""Passes per region where no budget is given."""


@dataclass(frozen=True, kw_only=True)
class MultilevelSearch(SearchStrategy):
    """Orders blocks of regions that belong together, cuts them, and improves the order each time.

    Regions of one object often count only together, which a greedy search, adding one at a time,
    cannot see. Here the four coarsest blocks of the tree over the regions (`Regions.merges`) are
    ordered greedily; then the blocks with most at stake are cut in two along the tree, the better
    half first, and neighbouring blocks are swapped as long as the area under F grows, until passes
    are left for the trace alone or every block in which F changes is one region. The rest of the
    budget goes into cycles: the order found is itself cut into pieces of 4, 2 and 1 regions, which
    are moved in the same way; the cut is another one each time, and a cycle that does not raise
    the sum Σ_r F(π_:r) of Eq. 1 is dropped.

    The search asks large batches of independent subsets, and any budget that pays for the
    trace gives a complete order: more passes, a better one. It may end early where nothing improves
    any more.

    Raises:
        SettingError: the budget is less than 1, the seed negative, one of them not whole, or the
            least gain not in [0, 1)
    """

    budget: int | None = None
    """Most images to score in one explanation, its trace included; None is 12.5 per region, but no
    more than exact greedy search takes. The trace alone takes 2 images per region; a
    smaller budget is refused."""

    seed: int = 0
    """Of the cuts; equal seeds give equal orders."""

    least_gain: float = 0.0
    """The search also ends where 3 more passes per region raised the mean of F over its order by
    less than this share of λ1 + λ2, and does not begin where an order found for another target
    stays so near to the best F along all such orders; 0 goes on as long as anything improves."""

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
        *_, last = self.rankings(layout, evaluate, objective)
        return last

    def rankings(
        self,
        layout: Layout,
        evaluate: Evaluate,
        objective: Objective,
        *,
        known: Sequence[Order] = (),
    ) -> Iterator[Ranking]:
        """One for each level and each cycle; the known orders count where there is a least gain.

        Where there are such orders, the best of them comes first and the best of all last, with
        nothing between: the first levels of a search are worse.
        """
        orders = list(known) if self.least_gain else []
        paid = ObjectiveValues(evaluate, objective)  # for others, so not out of this search's purse
        if orders:
            best = max(orders, key=lambda order: _sum_along(order, paid))
            yield Ranking(order=best, searched=len(layout))
        if not orders or _headroom(orders, paid) > self._least(objective):
            for order in self._searched(layout, evaluate, objective):
                if not orders:
                    yield Ranking(order=order, searched=len(layout))
            best = max([*orders, order], key=lambda order: _sum_along(order, paid))
            yield Ranking(order=best, searched=len(layout))

    def _searched(
        self, layout: Layout, evaluate: Evaluate, objective: Objective
    ) -> Generator[Order, None, Order]:
        n_regions, rng = len(layout), np.random.default_rng(self.seed)
        budget = self._budget(n_regions)
        limit = min(_FIRST * n_regions, budget) if self.least_gain else budget
        patience = _THRIFTY_PATIENCE if self.least_gain else _PATIENCE
        run = _Run(layout, ObjectiveValues(evaluate, objective), limit)
        order = yield from Refinement(layout, run.values, limit).orders()
        order = yield from run.improved(order, rng, patience=patience)
        least_rise = self._least(objective) * (n_regions + 1)
        rise = np.inf
        while run.limit < budget and rise >= least_rise:
            before = run.total(order)
            run = replace(run, limit=min(run.limit + _STRETCH * n_regions, budget))
            order = yield from run.improved(order, rng, patience=patience)
            rise = run.total(order) - before
        return order

    def _least(self, objective: Objective) -> float:
        """What the mean of F must gain for more passes."""
        return self.least_gain * (objective.insight + objective.necessity)

    @property
    def takes_over(self) -> bool:
        """Where there is a least gain."""
        return bool(self.least_gain)

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
        budget = min(int(_PER_REGION * n_regions), exact) if self.budget is None else self.budget
        return max(min(budget, 1 << min(n_regions, 62)), 2 * n_regions)


@dataclass(frozen=True, eq=False)
class _Run:
    """One search: F, and how many images it may take."""

    layout: Layout
    values: ObjectiveValues
    limit: int

    def improved(
        self, order: Order, rng: np.random.Generator, *, patience: int
    ) -> Generator[Order, None, Order]:
        """The order after each cycle that helps, and last with what is left to spend on moves."""
        best, idle, reach = self.total(order), 0, 1
        while idle < patience and self.values.spent + 2 <= self.limit:
            candidate = order
            for length in _CYCLE:
                pieces = _pieces(candidate, length, int(rng.integers(length)))
                candidate = self.settled(pieces, reach)
            total = self.total(candidate)
            if total > best:
                order, best, idle = candidate, total, 0
                yield order
            else:
                idle, reach = idle + 1, min(reach + 1, _CYCLE_REACH)
        order = self.settled(list(order[:, np.newaxis]), _CYCLE_REACH)
        yield order
        return order

    def settled(self, pieces: Sequence[Block], reach: int) -> Order:
        n_regions = len(self.layout)
        missing = n_regions - len(pieces)  # prefixes that the trace of a new order may need
        found = settle(
            pieces,
            self.values,
            reach=reach,
            n_regions=n_regions,
            limit=self.limit - 2 * missing,
        )
        return np.concatenate([pieces[place] for place in found])

    def total(self, order: Order) -> float:
        """Σ_r F(π_:r); minus infinity where it cannot be paid for."""
        shown = _prefixes(order)
        if self.values.affordable(shown, self.limit) < len(shown):
            return -np.inf
        return float(self.values(shown).sum())


def _prefixes(order: Order) -> Bool[np.ndarray, "prefixes regions"]:
    return prefixes(list(order[:, np.newaxis]), len(order))


def _along(order: Order, values: ObjectiveValues) -> Float[np.ndarray, " prefixes"]:
    """F along an order."""
    return values(_prefixes(order))


def _sum_along(order: Order, values: ObjectiveValues) -> float:
    return float(_along(order, values).sum())


def _headroom(orders: Sequence[Order], values: ObjectiveValues) -> float:
    """How far F along the best of some orders stays below the best F along any, in the mean."""
    f = np.stack([_along(order, values) for order in orders])
    return float(f.max() - f.mean(axis=1).max())


def _pieces(order: Order, length: int, start: int) -> list[Block]:
    """The order cut at `start` and then after every so many regions."""
    return [piece for piece in np.split(order, range(start, len(order), length)) if len(piece)]
