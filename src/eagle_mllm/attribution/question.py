"""One thing to explain, and where its scores come from."""

from dataclasses import dataclass

import numpy as np

from eagle_mllm.attribution.evaluator import SubsetEvaluator, among
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Ranking, SearchStrategy
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
        ranking = search.rank(self.regions.layout.only(seen), evaluate, objective)
        return Ranking(
            order=np.concatenate([seen[ranking.order], unseen]), searched=ranking.searched
        )

    def replay(self, ranking: Ranking) -> Trace:
        """The trace of an order."""
        return trace_of(ranking, self.evaluate, self.regions, seen=self.evaluate.seen)
