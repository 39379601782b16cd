"""Why an answer is wrong, in terms of the image, and the least that has to be hidden to correct it.

The explanation is of the right answer: what supports it, in the paper's order (section 4.4). Its
map turned round, 1 − saliency, is the hallucination map. Two corrections are read off: the paper's,
which hides regions from the end of that order, and the direct one, which looks for the smallest.
"""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from jaxtyping import Float

from eagle_mllm.attribution.correction import minimal_correction
from eagle_mllm.attribution.evaluator import Evaluate, SubsetEvaluator
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.masking import FillName, fill_image, masked_image
from eagle_mllm.attribution.method import AttributionMethod, Eagle
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.hallucination.answers import ClosedQuestion, closed_question
from eagle_mllm.hallucination.diagnosis import Correction, Diagnosis, Outcome
from eagle_mllm.hallucination.direct import (
    RIGHT,
    DirectSearch,
    Removal,
    Removals,
    smallest_removal,
    try_order,
)
from eagle_mllm.hallucination.splitting import Bound, Hidden, split

_METHOD = Eagle()
_SEARCH = DirectSearch()


def diagnose(
    model: Model,
    generation: Generation,
    truth: str,
    *,
    answers: Sequence[str] | None = None,
    word: str | None = None,
    method: AttributionMethod = _METHOD,
    search: DirectSearch = _SEARCH,
    regions: Regions | None = None,
    n_regions: int = 64,
    on_pass: Callable[[int], None] | None = None,
) -> Diagnosis:
    """Whether an answer is wrong, why, and the least to hide until the model answers rightly.

    The corrected answer is generated once, on the corrected image. Nothing is scored where the
    answer is right.

    Args:
        model: the model that answered
        generation: image, prompt and answer
        truth: the right answer: yes or no, one of `answers`, or what should replace `word`
        answers: all closed answers, where they are not yes and no
        word: a word of the answer that is wrong, for answers that are not closed
        method: how the explanation of the right answer is found
        search: how far the direct search looks
        regions: a partition of the image; by default SLICO superpixels of `n_regions` regions
        n_regions: how many regions to ask for where `regions` is not given
        on_pass: called now and then with the images scored so far

    Raises:
        TargetError: the truth is not a closed answer, or the answer names none or lacks the word
        RegionError: the regions are not of the image's shape
        ModelError: the model returned a number that is not a probability
    """
    start = perf_counter()
    closed = closed_question(model, generation, truth, answers=answers, word=word)
    if closed is None:
        return Diagnosis(generation=generation, truth=truth, outcome="answered rightly")
    if regions is None:
        regions = segment(generation.image, n_regions=n_regions)
    scorer = model.scorer(generation, closed.asked, regions, fill=method.fill)
    memory = SubsetEvaluator(scorer, len(regions), on_pass=on_pass)
    # Three ways to ask the same memory, each of which counts what it adds.
    direct, both = memory.summed(closed.groups), memory.summed(closed.groups)
    right = memory.summed(closed.groups[:1])
    removals = Removals(direct, seen_areas(regions, memory), accepted=closed.right.ids)
    smallest = smallest_removal(search, removals, regions.layout)
    attribution = method.attribute(
        model, generation, closed.target, regions=regions, evaluate=right
    )
    along = Removals(both, removals.areas, accepted=closed.right.ids)
    try_order(along, attribution.trace.order)
    by_order = along.smallest()[:1]
    # Never worse than the pruned order: it has been paid for.
    best = min([*removals.smallest()[:1], *by_order], key=lambda one: one.area, default=None)
    correction = None
    if best is not None:
        bound = Bound(model, generation, closed, method.fill)
        hidden = split(search, bound, Hidden.of(best, regions, removals.areas), evaluate=direct)
        correction = _correction(model, generation, best, hidden, fill=method.fill)
    passes = direct.forward_passes + right.forward_passes + both.forward_passes
    return Diagnosis(
        generation=generation,
        truth=truth,
        outcome=_outcome(both, closed, len(regions), corrected=best is not None),
        right=closed.right,
        given=closed.given,
        attribution=attribution,
        correction=correction,
        paper_removed_area=_paper_area(attribution, closed),
        pruned_removed_area=by_order[0].area if by_order else 1.0,
        direct_passes=passes if smallest is None else direct.forward_passes,
        passes=passes,
        seconds=perf_counter() - start,
    )


def seen_areas(regions: Regions, evaluate: SubsetEvaluator) -> Float[np.ndarray, " regions"]:
    """Share of each region in what the model sees of the image; 0 where it sees nothing."""
    areas: np.ndarray = np.where(evaluate.seen, regions.areas, 0.0)
    return areas / areas.sum() if areas.any() else regions.areas


def without(generation: Generation, hidden: Hidden, *, fill: FillName) -> np.ndarray:
    """The image of an answer with some pixels hidden.

    Args:
        generation: whose image
        hidden: which pixels
        fill: what they become
    """
    image = generation.image
    return masked_image(image, fill_image(image, fill), ~hidden.mask)


def _correction(
    model: Model, generation: Generation, best: Removal, hidden: Hidden, *, fill: FillName
) -> Correction:
    corrected = model.generate(without(generation, hidden, fill=fill), generation.asked)
    return Correction(
        mask=hidden.mask,
        area=hidden.area,
        regions=tuple(best.removed.tolist()),
        regions_area=best.area,
        answer=corrected.text,
    )


def _paper_area(attribution: Attribution, closed: ClosedQuestion) -> float:
    found = minimal_correction(attribution.trace, closed.target, accepted=closed.right.ids)
    return found.area if found.corrects else 1.0


def _outcome(
    evaluate: Evaluate, closed: ClosedQuestion, n_regions: int, *, corrected: bool
) -> Outcome:
    if corrected:
        return "corrected"
    on_nothing = evaluate(np.zeros((1, n_regions), dtype=bool)).predicted[0, RIGHT]
    is_guess = on_nothing in closed.right.ids
    return "corrected only by the empty image" if is_guess else "never corrected"
