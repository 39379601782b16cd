"""Explains several targets of one answer with the passes of few."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.method import Eagle, require_explainable
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.search.base import SearchStrategy
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.attribution.sharing import Share, SharingModel, unions

_LEAST_GAIN = 0.005
"""`MultilevelSearch.least_gain` for several targets, where it is 0."""

_EXPECTED = 11
"""Passes a region that each of several targets adds then, on captions of the demo models."""

_DEFAULT = Eagle()


def attribute_each(
    model: Model,
    generation: Generation,
    targets: Sequence[Target],
    *,
    method: Eagle = _DEFAULT,
    regions: Regions | None = None,
    n_regions: int = 64,
    on_pass: Callable[[int], None] | None = None,
) -> tuple[Attribution, ...]:
    """Several explanations of one answer, as every word of it by itself.

    One pass gives the probability of every token, so a subset that was scored for one target is
    free for all others: the results are those of `attribute`, one by one, and cost less.

    Several targets are also searched thriftily: a `MultilevelSearch` whose `least_gain` is 0 gets
    one of 0.005, so that words which are settled soon leave the passes to those which need them.
    With any other search only the memory is shared.

    `forward_passes` of each result is what it added, so the first shows the most, and their sum is
    the true cost. `seconds` is the time of all, split in the same proportion.

    Targets that ask about different tokens at one position, as a word and its counterfactual do,
    share nothing with each other, for a pass answers one question at each position.

    Args:
        model: the model that is explained.
        generation: image, prompt and answer, from `model.generate` or `model.with_answer`.
        targets: the tokens to explain; targets may overlap.
        method: EAGLE with its default settings, or others.
        regions: a partition of the image; by default SLICO superpixels of `n_regions` regions.
        n_regions: how many regions to ask for where `regions` is not given.
        on_pass: called now and then with the images scored so far, for all targets.

    Returns:
        One result a target, in their order.

    Raises:
        TargetError: a target lies beyond the answer.
        RegionError: the regions are not of the image's shape.
        ModelError: the model returned a number that is not a probability.
    """
    if regions is None:
        regions = segment(generation.image, n_regions=n_regions)
    for target in targets:
        require_explainable(generation, target, regions)
    method = replace(method, search=_thrifty(method.search, n_targets=len(targets)))
    found: dict[int, Attribution] = {}
    for union in unions(targets):
        before = sum(attribution.forward_passes for attribution in found.values())
        explained = _together(
            model,
            generation,
            [targets[member] for member in union.members],
            union=union.target,
            method=method,
            regions=regions,
            on_pass=_counting_from(before, on_pass),
        )
        found |= dict(zip(union.members, explained, strict=True))
    return tuple(found[index] for index in range(len(targets)))


def expected_passes(search: SearchStrategy, n_regions: int, *, n_targets: int) -> int:
    """Images that `attribute_each` will score, for progress bars; only an estimate.

    Args:
        search: the search of its method.
        n_regions: how many regions there are.
        n_targets: how many targets.
    """
    alone = search.planned_passes(n_regions)
    if n_targets > 1 and isinstance(search, MultilevelSearch):
        alone = min(alone, _EXPECTED * n_regions)
    return n_targets * alone


def _together(
    model: Model,
    generation: Generation,
    targets: Sequence[Target],
    *,
    union: Target,
    method: Eagle,
    regions: Regions,
    on_pass: Callable[[int], None] | None,
) -> list[Attribution]:
    """Targets that one scorer answers, each with what it added to the passes."""
    start = perf_counter()
    scorer = model.scorer(generation, union, regions, fill=method.fill)
    evaluate = SubsetEvaluator(scorer, len(regions), on_pass=on_pass)
    found, added = [], []
    for target in targets:
        before = evaluate.forward_passes
        share = Share(target, union=union, scorer=scorer, evaluate=evaluate)
        sharing = SharingModel(model, share)
        found.append(method.attribute(sharing, generation, target, regions=regions))
        added.append(evaluate.forward_passes - before)
    a_pass = (perf_counter() - start) / evaluate.forward_passes
    return [
        replace(attribution, forward_passes=passes, seconds=a_pass * passes)
        for attribution, passes in zip(found, added, strict=True)
    ]


def _thrifty(search: SearchStrategy, *, n_targets: int) -> SearchStrategy:
    if n_targets > 1 and isinstance(search, MultilevelSearch) and not search.least_gain:
        return replace(search, least_gain=_LEAST_GAIN)
    return search


def _counting_from(
    start: int, on_pass: Callable[[int], None] | None
) -> Callable[[int], None] | None:
    return None if on_pass is None else lambda done: on_pass(start + done)
