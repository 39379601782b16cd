"""One memory for several targets: a pass over an image scores every token of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.images import ImageLike
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model, ModelInfo, Scorer, SubsetScores
from eagle_mllm.attribution.regions import Regions


@dataclass(frozen=True, kw_only=True)
class Union:
    """Targets that one scorer can answer together."""

    target: Target
    """Every token that some of them asks about."""

    members: tuple[int, ...]
    """Which of the targets, by index."""


class Share(Scorer):
    """The scorer of one target among several: its tokens, from an evaluator that they share.

    Args:
        target: the tokens of this one.
        union: the tokens that the evaluator scores, these among them.
        scorer: what the evaluator asks.
        evaluate: remembers for all.
    """

    def __init__(
        self, target: Target, *, union: Target, scorer: Scorer, evaluate: SubsetEvaluator
    ) -> None:
        self._columns = [union.positions.index(position) for position in target.positions]
        self._scorer = scorer
        self._evaluate = evaluate

    @property
    def preferred_batch_size(self) -> int | None:
        """See `Scorer`."""
        return self._scorer.preferred_batch_size

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._scorer.seen_regions

    def __call__(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        """See `Scorer`."""
        scores = self._evaluate(shown)
        return SubsetScores(
            probability=scores.probability[:, self._columns],
            predicted=scores.predicted[:, self._columns],
        )


class SharingModel(Model):
    """A model whose scorer is bound already, for a method that binds one itself.

    Args:
        model: the model.
        scorer: what every binding gives.
    """

    def __init__(self, model: Model, scorer: Scorer) -> None:
        self._model = model
        self._scorer = scorer

    @property
    def info(self) -> ModelInfo:
        """See `Model`."""
        return self._model.info

    def generate(self, image: ImageLike, prompt: str, *, max_new_tokens: int = 128) -> Generation:
        """See `Model`."""
        return self._model.generate(image, prompt, max_new_tokens=max_new_tokens)

    def with_answer(self, image: ImageLike, prompt: str, answer: str) -> Generation:
        """See `Model`."""
        return self._model.with_answer(image, prompt, answer)

    def scorer(
        self,
        generation: Generation,  # noqa: ARG002
        target: Target,  # noqa: ARG002
        regions: Regions,  # noqa: ARG002
        *,
        fill: FillName = "black",  # noqa: ARG002
    ) -> Scorer:
        """The scorer that is bound."""
        return self._scorer


def unions(targets: Sequence[Target]) -> list[Union]:
    """The targets in as few unions as asking in turn finds.

    Two targets that ask about different ids at one position, as a word and its counterfactual do,
    cannot be one target, so they come into different unions.
    """
    groups: list[tuple[dict[int, int], list[int]]] = []
    for index, target in enumerate(targets):
        asked = dict(zip(target.positions, target.ids, strict=True))
        for ids, members in groups:
            if all(ids.get(position, token) == token for position, token in asked.items()):
                ids.update(asked)
                members.append(index)
                break
        else:
            groups.append((asked, [index]))
    return [
        Union(target=_union(ids, [targets[member] for member in members]), members=tuple(members))
        for ids, members in groups
    ]


def _union(ids: dict[int, int], targets: Sequence[Target]) -> Target:
    return Target(
        positions=tuple(sorted(ids)),
        ids=tuple(ids[position] for position in sorted(ids)),
        text=" + ".join(target.text for target in targets),
        is_counterfactual=any(target.is_counterfactual for target in targets),
    )
