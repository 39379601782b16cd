"""The reference's efficient search: a window at the front, the worst region to the back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.base import (
    Ranking,
    SearchStrategy,
    require_budget,
    require_whole,
)
from eagle_mllm.attribution.search.budget import ObjectiveValues, each_added


@dataclass(frozen=True, kw_only=True)
class WindowedGreedySearch(SearchStrategy):
    """Greedy at both ends, among the candidates that an earlier scan found promising.

    Every `rerank_every` steps all regions left are scanned and ranked by F. Each step tries the
    first `window` of that ranking and puts the best at the front of the order; then it tries the
    last `tail` of it and puts the region whose company makes the back of the order least useful,
    argmax F(V∖(back ∪ {β})), before the others at the back. When no more than `tail` regions are
    left, only the front is filled.

    The reference's `efficient_attribution.py`, whose defaults these are. One slip of theirs is left
    out: their last scores ignore λ1 and λ2.

    Raises:
        SettingError: a number is less than 1, or not whole
    """

    window: int = 10
    """Candidates for the front (`search_scope` there)."""

    rerank_every: int = 5
    """Steps from one full scan to the next (`update_step` there)."""

    tail: int = 8
    """Candidates for the back (`pending_samples` there)."""

    budget: int | None = None
    """Most images to score in one explanation, its trace included: the search ends before the
    step that could exceed it, and what is left keeps the last ranking. The trace alone takes 2
    images per region. None is no bound."""

    def __post_init__(self) -> None:
        require_whole(self, "window", "rerank_every", "tail", "budget")

    @property
    def name(self) -> str:
        """The name "windowed"."""
        return "windowed"

    def rank(self, layout: Layout, evaluate: Evaluate, objective: Objective) -> Ranking:
        """See `SearchStrategy`."""
        n_regions = len(layout)
        require_budget(self.budget, n_regions, least=2 * n_regions)
        values = ObjectiveValues(evaluate, objective)
        front, back = list[int](), list[int]()
        rest = np.arange(n_regions)
        for step in range(n_regions):
            is_scan = step % self.rerank_every == 0
            cost = 2 * ((len(rest) if is_scan else self.window) + self.tail)
            if not len(rest) or not self._affords(values.spent + cost, len(rest)):
                break
            candidates = rest if is_scan else rest[: self.window]
            scan = values(each_added(front, candidates, n_regions))
            front.append(int(candidates[scan.argmax()]))
            if is_scan:
                rest = rest[np.argsort(-scan, kind="stable")]
            rest = rest[rest != front[-1]]
            if len(rest) > self.tail:
                back.append(self._worst(values, back, rest, n_regions))
                rest = rest[rest != back[-1]]
        return Ranking(
            order=np.array([*front, *rest, *reversed(back)]), searched=n_regions - len(rest)
        )

    def planned_passes(self, n_regions: int) -> int:
        """At most so many: regions left are counted down as the search does."""
        passes, left = 2, n_regions
        for step in range(n_regions):
            if not left:
                break
            tried = left if step % self.rerank_every == 0 else min(self.window, left)
            passes, left = passes + 2 * tried, left - 1
            if left > self.tail:
                passes += 2 * self.tail if step else 0
                left -= 1
        passes = min(passes, 1 << min(n_regions, 62))
        require_budget(self.budget, n_regions, least=2 * n_regions)
        return passes if self.budget is None else min(passes, self.budget)

    def _affords(self, spent: int, left: int) -> bool:
        # What is left unsearched, the trace will ask.
        return self.budget is None or spent + 2 * left <= self.budget

    def _worst(
        self,
        values: ObjectiveValues,
        back: list[int],
        rest: Int[np.ndarray, " rest"],
        n_regions: int,
    ) -> int:
        if not back:  # the full scan has just ranked it last
            return int(rest[-1])
        candidates = rest[-self.tail :]
        hidden = each_added(back, candidates, n_regions)
        return int(candidates[values(~hidden).argmax()])
