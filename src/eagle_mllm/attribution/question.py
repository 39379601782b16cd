"""One thing to explain, and where its scores come from."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.ending import Enough
from eagle_mllm.attribution.evaluator import SubsetEvaluator, among
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Order, Ranking, SearchStrategy
from eagle_mllm.attribution.search.blocks import by_neighbours
from eagle_mllm.attribution.sensitivity import of_tokens, sensitive_by
from eagle_mllm.attribution.trace import Tokens, Trace, trace_of

OnProgress = Callable[[Order, int], None]
"""Takes an order of all regions, and how many images have been scored."""


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

    on_progress: OnProgress | None = None
    """Called with each better order of all regions, and the images scored for it so far."""

    def rank(
        self, search: SearchStrategy, objective: Objective, *, tokens: Tokens | None = None
    ) -> Ranking:
        """The order that a search finds among the regions that the model sees, the others last.

        Where `Enough` is raised by `on_pass`, the best order so far.

        Args:
            search: how the order is sought
            objective: F, what is sought
            tokens: which of the target's tokens F is of, by index; None for all
        """
        seen, unseen = np.flatnonzero(self.evaluate.seen), np.flatnonzero(~self.evaluate.seen)
        if not len(seen):
            return Ranking(order=unseen, searched=0)
        layout = self.regions.layout.only(seen)
        best = Ranking(order=by_neighbours([np.arange(len(seen))], layout.places), searched=0)
        with suppress(Enough), self.evaluate.may_end():
            for best in self._rankings(search, objective, layout, seen, tokens):
                if self.on_progress is not None:
                    order = np.concatenate([seen[best.order], unseen])
                    self.on_progress(order, self.evaluate.forward_passes)
        return Ranking(order=np.concatenate([seen[best.order], unseen]), searched=best.searched)

    def _rankings(
        self,
        search: SearchStrategy,
        objective: Objective,
        layout: Layout,
        seen: Int[np.ndarray, " seen"],
        tokens: Tokens | None,
    ) -> Iterator[Ranking]:
        evaluate = among(self.evaluate, seen, n_regions=len(self.regions))
        if tokens is not None:
            evaluate = of_tokens(evaluate, np.asarray(tokens))
        is_seen = self.evaluate.seen
        known = [np.searchsorted(seen, order[is_seen[order]]) for order in self.known]
        return search.rankings(layout, evaluate, objective, known=known)

    def sensitive(self, threshold: float) -> Tokens | None:
        """The target's tokens that need the image, by index; None where it is none or all of them.

        Args:
            threshold: how much probability the whole image must add to that of a token
        """
        found = sensitive_by(self.evaluate, len(self.regions), threshold=threshold)
        return found if 0 < len(found) < len(self.target) else None

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
