"""One thing to explain, and where its scores come from."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.evaluator import SubsetEvaluator, among
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Order, Ranking, SearchStrategy
from eagle_mllm.attribution.trace import Trace, trace_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Why did the model give these tokens, in terms of these regions?"""

    model: Model
    """The model to explain."""

    generation: Generation
    """Image, prompt and answer."""

    target: Target
    """The tokens to explain."""

    regions: Regions
    """A partition of the image."""

    evaluate: SubsetEvaluator
    """Probability of the target when only a subset of the regions is shown."""

    known: tuple[Order, ...] = ()
    """Orders of the regions whose prefixes `evaluate` has scored for other targets."""

    def rank(self, search: SearchStrategy, objective: Objective) -> Ranking:
        """The order that a search finds among the regions that the model sees, the others last.

        Args:
            search: how the order is sought
            objective: F, what is sought
        """
        n_regions, is_seen = len(self.regions), self.evaluate.seen
        seen, unseen = np.flatnonzero(is_seen), np.flatnonzero(~is_seen)
        if not len(seen):
            return Ranking(order=unseen, searched=0)
        evaluate = among(self.evaluate, seen, n_regions=n_regions)
        known = [np.searchsorted(seen, order[is_seen[order]]) for order in self.known]
        layout = self.regions.layout.only(seen)
        ranking = search.rank_among(layout, evaluate, objective, known=known)
        return Ranking(
            order=np.concatenate([seen[ranking.order], unseen]), searched=ranking.searched
        )

    def unseen_last(self, order: Int[np.ndarray, " regions"]) -> Int[np.ndarray, " regions"]:
        """The same order, but with the regions that the model never sees behind the others.

        Args:
            order: every region index once, the most decisive first
        """
        is_seen = self.evaluate.seen
        seen = order[is_seen[order]]
        return np.concatenate([seen, np.flatnonzero(~is_seen)])

    def recut(self, regions: Regions, *, fill: FillName) -> "Question":
        """The same question in terms of other regions; its passes are counted with these.

        Args:
            regions: another partition of the image
            fill: what hidden pixels become
        """
        scorer = self.model.scorer(self.generation, self.target, regions, fill=fill)
        return replace(self, regions=regions, evaluate=self.evaluate.recut(scorer, len(regions)))

    def replay(self, ranking: Ranking) -> Trace:
        """The trace of an order."""
        return trace_of(ranking, self.evaluate, self.regions, seen=self.evaluate.seen)
