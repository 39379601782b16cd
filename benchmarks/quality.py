"""How good is each search for its passes? Insertion and deletion on scenes with right captions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool
from machine import run_record
from options import Options
from samples import Sample, right_sample
from searches import PLANS, Plan
from store import ResultFile

import eagle_mllm as eagle
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.model import Model, Scorer, SubsetScores
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.trace import Trace, trace_of

PART = "quality"
KEY = ("family", "dtype", "target", "regions_asked", "seed", "search")

_EVERY = {64: 1, 32: 4, 128: 12}
"""Number of regions → it is measured on one scene of so many."""
_QUICK_REGIONS = 6


def measure(options: Options) -> None:
    """Every plan on every sample, scene by scene, so that a stop leaves balanced results."""
    file = ResultFile(options.out / f"{PART}.json", key=KEY)
    models = {family: options.model(family) for family in options.families}
    for seed in options.seeds:
        for family, model in models.items():
            keys = _keys(options, family, seed)
            if all(key in file for key in keys):
                continue
            sample = right_sample(model, seed)
            if sample is not None:
                _measure_sample(file, model, sample, keys=keys, options=options)
            print(PART, family, seed, "right" if sample else "wrong caption", flush=True)


def _keys(options: Options, family: str, seed: int) -> list[dict[str, Any]]:
    """The rows of one scene, those that share scores one after another."""
    counts = [count for count, every in _EVERY.items() if seed % every == 0]
    if options.quick:
        counts = [_QUICK_REGIONS]
    return [
        {
            "family": family,
            "dtype": options.dtype,
            "target": target,
            "regions_asked": count,
            "seed": seed,
            "search": plan.label,
        }
        for count in counts
        for target in ("sentence", "word")
        for plan in PLANS
    ]


def _measure_sample(
    file: ResultFile,
    model: Model,
    sample: Sample,
    *,
    keys: Sequence[dict[str, Any]],
    options: Options,
) -> None:
    plans = {plan.label: plan for plan in PLANS}
    bound: dict[tuple[Any, ...], tuple[Regions, Scorer]] = {}
    for key in keys:
        if key in file:
            continue
        question = (key["regions_asked"], key["target"])
        if question not in bound:
            # Only the scores of one question are kept at a time.
            bound = {question: _bind(model, sample, *question)}
        regions, scores = bound[question]
        values = ranked(plans[key["search"]], regions, scores)
        run = run_record(model.info, settings=options.settings())
        file.add({**key, "regions": len(regions), **values}, run=run)


def _bind(model: Model, sample: Sample, count: int, target: str) -> tuple[Regions, Scorer]:
    regions = sample.regions(count)
    scorer = model.scorer(sample.generation, sample.targets[target], regions)
    return regions, Remembered(scorer, len(regions))


class Remembered(Scorer):
    """One memory under all searches of a sample, so that a subset is scored once for all.

    The score of a subset depends on nothing else, so each search sees what it would see alone;
    its own evaluator still counts what it would have scored.
    """

    def __init__(self, scorer: Scorer, n_regions: int) -> None:
        self._scorer = scorer
        self._evaluate = SubsetEvaluator(scorer, n_regions)

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
        return self._evaluate(shown)


def ranked(plan: Plan, regions: Regions, scorer: Scorer) -> dict[str, Any]:
    """What the order of a plan is worth, and how many images it takes."""
    evaluate = SubsetEvaluator(scorer, len(regions))
    ranking = plan.search.rank(regions, evaluate, Objective())
    trace = trace_of(ranking, evaluate, regions)
    return {"passes": evaluate.forward_passes, **measures(trace)}


def measures(trace: Trace) -> dict[str, float]:
    """Insertion AUC, deletion AUC and their gap, to six digits."""
    insertion = eagle.metrics.insertion_auc(trace)
    deletion = eagle.metrics.deletion_auc(trace)
    return {
        "insertion": round(insertion, 6),
        "deletion": round(deletion, 6),
        "gap": round(insertion - deletion, 6),
    }
