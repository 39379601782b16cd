"""The method: search an order of regions, replay it, read a map off it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.provenance import provenance
from eagle_mllm.attribution.question import OnProgress, Question
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.saliency import region_saliency, saliency_map
from eagle_mllm.attribution.search.base import Order, SearchStrategy
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.attribution.sensitivity import require_threshold
from eagle_mllm.attribution.trace import Trace


class Finding(NamedTuple):
    """What a method finds out about a question."""

    trace: Trace
    """An order of the regions, replayed."""

    saliency: Saliency
    """How decisive each pixel is, in [0, 1]."""

    question: Question | None = None
    """What the trace answers, where the method cut the image into other regions."""

    sensitive: tuple[int, ...] = ()
    """Tokens of the target, by index, that the order and the map are about; () for all."""


class AttributionMethod(ABC):
    """Explains tokens by regions. A method is a frozen value that holds its settings."""

    fill: FillName
    """What hidden pixels become when an order is replayed."""

    objective: Objective | None = None
    """F, where the order is sought by it; None for a method without."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name for files and tables, as in "eagle"."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The name as `method`, and all that was chosen; for the provenance of a result."""

    @abstractmethod
    def explain(self, question: Question) -> Finding:
        """The order of the regions and the map; `attribute` makes a result of them.

        Args:
            question: what to explain, and the scores of subsets
        """

    @abstractmethod
    def planned_passes(self, n_regions: int) -> int:
        """Images scored in one explanation, for progress bars; an estimate.

        Args:
            n_regions: how many regions there are
        """

    @property
    def takes_over(self) -> bool:
        """Whether the orders of other targets can save passes, see `SearchStrategy.takes_over`."""
        return False

    def thrifty(self) -> "AttributionMethod":
        """The method as it explains each of several targets, which may be cheaper."""
        return self

    def attribute(
        self,
        model: Model,
        generation: Generation,
        target: Target,
        *,
        regions: Regions,
        evaluate: SubsetEvaluator | None = None,
        known: Sequence[Order] = (),
        on_pass: Callable[[int], None] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Attribution:
        """Which regions the target depends on.

        Args:
            model: the model to explain
            generation: image, prompt and answer
            target: the tokens to explain
            regions: a partition of the image of `generation`
            evaluate: scores of subsets for this target with this method's fill; by default a
                fresh memory over `model.scorer`. The passes it adds are those of the result
            known: orders of the regions that `evaluate` has scored for other targets
            on_pass: called now and then with the images scored so far; not used with `evaluate`.
                Where it raises `Enough`, the search ends with the best order so far
            on_progress: called with each better order of the regions, and the images scored for it

        Raises:
            TargetError: the target lies beyond the answer
            RegionError: the regions are not of the image's shape
            ModelError: the model returned a number that is not a probability
        """
        start = perf_counter()
        if evaluate is None:
            scorer = model.scorer(generation, target, regions, fill=self.fill)
            evaluate = SubsetEvaluator(scorer, len(regions), on_pass=on_pass)
        question = Question(
            model=model,
            generation=generation,
            target=target,
            regions=regions.linked(generation.image),
            evaluate=evaluate,
            known=tuple(known),
            on_progress=on_progress,
        )
        found = self.explain(question)
        answered = found.question or question
        # As it ended: it may have been chosen from free memory, and halved since.
        settings = {**self.settings, "batch_size": answered.evaluate.batch_size}
        if evaluate.ended:
            settings["ended_early"] = True
        return Attribution(
            method=self.name,
            generation=generation,
            target=target,
            regions=answered.regions,
            trace=found.trace,
            saliency=found.saliency,
            sensitive=found.sensitive,
            unseen=tuple(np.flatnonzero(~answered.evaluate.seen).tolist()),
            objective=self.objective,
            forward_passes=evaluate.forward_passes,
            seconds=perf_counter() - start,
            provenance=provenance(model=model.info, regions=answered.regions, settings=settings),
        )


@dataclass(frozen=True, kw_only=True)
class Eagle(AttributionMethod):
    """EAGLE: order the regions by insight and necessity (https://arxiv.org/abs/2509.22496).

    Every choice is a field: how to search, what to search for, and what hidden pixels become.

    Raises:
        SettingError: `sensitive` is not in [0, 1)
    """

    search: SearchStrategy = field(default_factory=MultilevelSearch)
    """How the order is sought (Eq. 1)."""

    objective: Objective = field(default_factory=Objective)
    """F, what is sought (Eq. 4)."""

    fill: FillName = "black"
    """What hidden pixels become."""

    sensitive: float | None = None
    """F is of the tokens with p(V) − p(∅) above this alone, for long answers, most tokens of which
    do not need the image; in [0, 1), None for all tokens. Where no token is so sensitive, F is of
    all. The trace, and so every metric, is of the whole target."""

    def __post_init__(self) -> None:
        require_threshold(self.sensitive)

    @property
    def name(self) -> str:
        """The name "eagle"."""
        return "eagle"

    @property
    def settings(self) -> dict[str, Any]:
        """See `AttributionMethod`."""
        return {
            "method": self.name,
            "objective": asdict(self.objective),
            "search": self.search.settings,
            "fill": self.fill,
            **({} if self.sensitive is None else {"sensitive": self.sensitive}),
        }

    def explain(self, question: Question) -> Finding:
        """Search an order of the regions, replay it, and read the saliency off its trace."""
        tokens = None if self.sensitive is None else question.sensitive(self.sensitive)
        trace = question.replay(question.rank(self.search, self.objective, tokens=tokens))
        values = region_saliency(trace, self.objective, tokens=tokens)
        chosen = () if tokens is None else tuple(np.asarray(tokens).tolist())
        return Finding(trace, saliency_map(values, question.regions), sensitive=chosen)

    def planned_passes(self, n_regions: int) -> int:
        """See `AttributionMethod`."""
        return self.search.planned_passes(n_regions)

    @property
    def takes_over(self) -> bool:
        """See `AttributionMethod`."""
        return self.search.takes_over

    def thrifty(self) -> "Eagle":
        """The same with a thrifty search."""
        return replace(self, search=self.search.thrifty())


def attribute(
    model: Model,
    generation: Generation,
    target: Target,
    *,
    method: AttributionMethod = Eagle(),
    regions: Regions | None = None,
    n_regions: int = 64,
    on_pass: Callable[[int], None] | None = None,
    on_progress: OnProgress | None = None,
) -> Attribution:
    """Which regions of its image a model's answer, or a part of it, stands on.

    >>> import numpy as np
    >>> import eagle_mllm as eagle
    >>> cat = eagle.testing.Evidence(boxes=[(0, 0, 4, 8)])
    >>> model = eagle.testing.PlantedModel("a cat", {"cat": cat})
    >>> generation = model.generate(np.zeros((8, 8, 3), np.uint8), "What is this?")
    >>> halves = eagle.Regions.from_labels(np.repeat([[1, 0]], 8, axis=0).repeat(4, axis=1))
    >>> attribution = eagle.attribute(
    ...     model, generation, generation.find("cat"), regions=halves
    ... )
    >>> attribution.trace.order.tolist()
    [1, 0]
    >>> attribution
    Attribution(eagle, 'cat', 2 regions, insertion_auc=0.75, deletion_auc=0.25, forward_passes=4)

    Args:
        model: the model to explain
        generation: image, prompt and answer, from `model.generate` or `model.with_answer`
        target: the tokens to explain, as in `generation.find("cat")`
        method: EAGLE with its default settings, or another method
        regions: a partition of the image; by default SLICO superpixels of `n_regions` regions
        n_regions: how many regions to ask for where `regions` is not given
        on_pass: called now and then with the images scored so far, for a progress bar. Where it
            raises `Enough`, as `time_limit(20)` does after 20 seconds, the search ends with the
            best order so far, and the result says so in its provenance (`ended_early`)
        on_progress: called with each better order of the regions, and the images scored for it

    Raises:
        TargetError: the target lies beyond the answer
        RegionError: the regions are not of the image's shape
        ModelError: the model returned a number that is not a probability
    """
    if regions is None:
        regions = segment(generation.image, n_regions=n_regions)
    return method.attribute(
        model, generation, target, regions=regions, on_pass=on_pass, on_progress=on_progress
    )
