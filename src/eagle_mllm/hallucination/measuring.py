"""The direct search's correction as numbers, for runs over many questions."""

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.hallucination.answers import closed_question
from eagle_mllm.hallucination.diagnosing import seen_areas
from eagle_mllm.hallucination.direct import DirectSearch, Removals, smallest_removal
from eagle_mllm.metrics.correction import within

_SEARCH = DirectSearch()


def direct_measures(
    model: Model,
    generation: Generation,
    truth: str,
    *,
    regions: Regions,
    fill: FillName,
) -> dict[str, float]:
    """What the direct search hides of whole regions, with yes and no in all of their spellings.

    Args:
        model: the model that answered
        generation: its answer about existence
        truth: yes or no
        regions: a partition of the image
        fill: what hidden pixels become

    Returns:
        `direct_area`, 1 where nothing corrects; `direct_within_10`, 0 or 1; `direct_passes`. NaN
        where the answer is right after all

    Raises:
        TargetError: truth or answer is neither yes nor no
    """
    closed = closed_question(model, generation, truth)
    if closed is None:
        return dict.fromkeys(("direct_area", "direct_within_10", "direct_passes"), float("nan"))
    scorer = model.scorer(generation, closed.asked, regions, fill=fill)
    memory = SubsetEvaluator(scorer, len(regions))
    evaluate = memory.summed(closed.groups)
    removals = Removals(evaluate, seen_areas(regions, memory), accepted=closed.right.ids)
    found = smallest_removal(_SEARCH, removals, regions.layout)
    return {
        "direct_area": 1.0 if found is None else found.area,
        "direct_within_10": float(found is not None and within(found.area, 0.1)),
        "direct_passes": float(evaluate.forward_passes),
    }
