"""Exact greedy search: the paper's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.base import (
    Order,
    Ranking,
    SearchStrategy,
    require_budget,
    require_whole,
)
from eagle_mllm.attribution.search.budget import ObjectiveValues, each_added


@dataclass(frozen=True, kw_only=True)
class GreedySearch(SearchStrategy):
    """Adds the region that makes F largest, again and again (Eq. 1): π_r = argmax F(π_:r−1 ∪ {α}).

    Every region left is tried at every step, N(N + 1) − 4 images for N ≥ 3 regions. Equal values go
    to the lowest region index.

    Raises:
        SettingError: `max_regions` or `budget` is less than 1, or no whole number
    """

    max_regions: int | None = None
    """Stop after this many picks and rank the rest by the last scan; None picks every region."""

    budget: int | None = None
    """Most images to score in one explanation, its trace included: as many picks as it pays for;
    the first and the trace take 4 images per region. None is no bound."""

    def __post_init__(self) -> None:
        require_whole(self, "max_regions", "budget")

    @property
    def name(self) -> str:
        """The name "greedy"."""
        return "greedy"

    def rank(self, layout: Layout, evaluate: Evaluate, objective: Objective) -> Ranking:
        """The greedy order; its first picks do not depend on where it stops."""
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
        """One for each pick: the picks so far, and the rest by the last scan."""
        del known
        n_regions = len(layout)
        values = ObjectiveValues(evaluate, objective)
        order: list[int] = []
        rest = np.arange(n_regions)
        for picked in range(1, self._picks(n_regions) + 1):
            scan = values(each_added(order, rest, n_regions))
            best = int(scan.argmax())  # the first of equals, and `rest` is ascending
            order.append(int(rest[best]))
            rest, scan = np.delete(rest, best), np.delete(scan, best)
            ranked = rest[np.argsort(-scan, kind="stable")]
            yield Ranking(order=np.concatenate([order, ranked]).astype(int), searched=picked)

    def planned_passes(self, n_regions: int) -> int:
        """Exactly what one explanation costs."""
        return _passes(self._picks(n_regions), n_regions)

    def _picks(self, n_regions: int) -> int:
        picks = n_regions if self.max_regions is None else min(self.max_regions, n_regions)
        require_budget(self.budget, n_regions, least=_passes(1, n_regions))
        if self.budget is not None:
            while picks > 1 and _passes(picks, n_regions) > self.budget:
                picks -= 1
        return picks


def _passes(picks: int, n_regions: int) -> int:
    """Images scored for so many picks and the trace."""
    if n_regions < 3:
        return 2 * n_regions  # every subset
    scans = sum(2 * left for left in range(n_regions, n_regions - picks, -1))
    # The trace adds the rows after the last pick. Showing all regions but one equals hiding
    # that one, which the first scan has asked: four subsets less for the two scans that end the
    # search, two less where only the trace gets that far.
    if picks < n_regions - 1:
        return scans + 2 * (n_regions - 1 - picks)
    return n_regions * (n_regions + 1) - 4
