"""Explains several targets of one answer with the passes of few."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.method import AttributionMethod, Eagle
from eagle_mllm.attribution.model import Model, require_explainable
from eagle_mllm.attribution.question import OnProgress
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.segmentation import segment

_DEFAULT = Eagle()


def attribute_each(
    model: Model,
    generation: Generation,
    targets: Sequence[Target],
    *,
    method: AttributionMethod = _DEFAULT,
    regions: Regions | None = None,
    n_regions: int = 64,
    on_pass: Callable[[int], None] | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Attribution, ...]:
    """Several explanations of one answer, as every word of it by itself.

    One pass gives the probability of every token, so a subset that was scored for one target is
    free for all others: the results are those of `attribute`, one by one, or better, and cost less.

    Several targets are also explained thriftily where the method can (`AttributionMethod.thrifty`):
    EAGLE's default search ends early for words that are settled soon, and takes over the order of
    another word for those that the image hardly moves. With any other method only the memory is
    shared.

    Where orders are taken over, the targets that the whole image moves most come first.
    `forward_passes` of each result is what it added, so the one that was explained first shows the
    most, and their sum is the true cost. `seconds` is the time of all, split in the same
    proportion.

    Targets that ask about different tokens at one position, as a word and its counterfactual do,
    share nothing with each other, for a pass answers one question at each position.

    Args:
        model: the model to explain
        generation: image, prompt and answer, from `model.generate` or `model.with_answer`
        targets: the tokens to explain; targets may overlap
        method: EAGLE with its default settings, or another method
        regions: a partition of the image; by default SLICO superpixels of `n_regions` regions
        n_regions: how many regions to ask for where `regions` is not given
        on_pass: called now and then with the images scored so far, for all targets. Where it raises
            `Enough`, the search for the target at hand ends with the best order so far
        on_progress: called with each better order of the regions for the target at hand, and the
            images scored for that target

    Returns:
        One result per target, in their order

    Raises:
        TargetError: a target lies beyond the answer
        RegionError: the regions are not of the image's shape
        ModelError: the model returned a number that is not a probability
    """
    if regions is None:
        regions = segment(generation.image, n_regions=n_regions)
    if len(targets) == 1:
        only = method.attribute(
            model, generation, *targets, regions=regions, on_pass=on_pass, on_progress=on_progress
        )
        return (only,)
    for target in targets:
        require_explainable(generation, target, regions)
    regions = regions.linked(generation.image)
    method = method.thrifty()
    found: dict[int, Attribution] = {}
    for members in compatible(targets):
        before = sum(attribution.forward_passes for attribution in found.values())
        explained = _together(
            model,
            generation,
            [targets[member] for member in members],
            method=method,
            regions=regions,
            on_pass=_counting_from(before, on_pass),
            on_progress=on_progress,
        )
        found |= dict(zip(members, explained, strict=True))
    return tuple(found[index] for index in range(len(targets)))


def expected_passes(method: AttributionMethod, n_regions: int, *, n_targets: int) -> int:
    """Images that `attribute_each` will score, for progress bars; only an estimate.

    Args:
        method: the method
        n_regions: how many regions there are
        n_targets: how many targets
    """
    if n_targets > 1:
        method = method.thrifty()
    return n_targets * method.planned_passes(n_regions)


def compatible(targets: Sequence[Target]) -> list[list[int]]:
    """Targets, by index, in groups that one pass can answer: the same ids at each position.

    Two targets that ask about different ids at one position, as a word and its counterfactual do,
    come into different groups. Each target joins the first group that takes it.
    """
    groups: list[tuple[dict[int, tuple[int, ...]], list[int]]] = []
    for index, target in enumerate(targets):
        asked = _asked(target)
        for ids, members in groups:
            if all(ids.get(position, tokens) == tokens for position, tokens in asked.items()):
                ids.update(asked)
                members.append(index)
                break
        else:
            groups.append((asked, [index]))
    return [members for _, members in groups]


def union(targets: Sequence[Target]) -> Target:
    """Every token that one of some compatible targets asks about."""
    asked = {pair: None for target in targets for pair in _pairs(target)}
    pairs = sorted(asked, key=lambda pair: pair[0])
    return Target(
        positions=tuple(position for position, _ in pairs),
        ids=tuple(token for _, token in pairs),
        text=" + ".join(target.text for target in targets),
        is_counterfactual=any(target.is_counterfactual for target in targets),
    )


def _pairs(target: Target) -> list[tuple[int, int]]:
    return list(zip(target.positions, target.ids, strict=True))


def _asked(target: Target) -> dict[int, tuple[int, ...]]:
    asked: dict[int, tuple[int, ...]] = {}
    for position, token in _pairs(target):
        asked[position] = (*asked.get(position, ()), token)
    return asked


def _together(
    model: Model,
    generation: Generation,
    targets: Sequence[Target],
    *,
    method: AttributionMethod,
    regions: Regions,
    on_pass: Callable[[int], None] | None,
    on_progress: OnProgress | None,
) -> list[Attribution]:
    """Targets that one scorer answers, each with what it added to the passes."""
    start = perf_counter()
    asked = union(targets)
    columns = {pair: column for column, pair in enumerate(_pairs(asked))}
    scorer = model.scorer(generation, asked, regions, fill=method.fill)
    evaluate = SubsetEvaluator(scorer, len(regions), on_pass=on_pass)
    views = [evaluate.of([columns[pair] for pair in _pairs(target)]) for target in targets]
    found = dict[int, Attribution]()
    turns = _by_dependence(views, len(regions)) if method.takes_over else range(len(views))
    for index in turns:
        found[index] = method.attribute(
            model,
            generation,
            targets[index],
            regions=regions,
            evaluate=views[index],
            known=[one.trace.order for one in found.values()],
            on_progress=on_progress,
        )
    per_pass = (perf_counter() - start) / sum(one.forward_passes for one in found.values())
    return [
        replace(found[index], seconds=per_pass * found[index].forward_passes)
        for index in range(len(targets))
    ]


def _by_dependence(views: Sequence[SubsetEvaluator], n_regions: int) -> list[int]:
    """The targets that the whole image moves most come first: the others can use their orders."""
    ends = np.array([[False] * n_regions, [True] * n_regions])
    moved = [abs(np.diff(view(ends).probability.mean(axis=1))[0]) for view in views]
    order: list[int] = np.argsort(-np.array(moved), kind="stable").tolist()
    return order


def _counting_from(
    start: int, on_pass: Callable[[int], None] | None
) -> Callable[[int], None] | None:
    return None if on_pass is None else lambda done: on_pass(start + done)
