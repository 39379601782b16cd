"""How good is each search for its passes, and how many subsets does it ask for at a time?

`QUALITY` has insertion and deletion on scenes with right captions. `BATCHES` counts: a pass has a
fixed number of images on a GPU, so that the last one of every scan is padded, and a batch that is
large for the scans of a search computes images that nobody asked for.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, product
from operator import itemgetter
from typing import Any

import numpy as np
from jaxtyping import Bool
from part import Key, Measurement, Options, Part
from samples import first_right_sample, right_sample
from searches import PLANS, Plan

import eagle_mllm as eagle
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.model import Scorer, SubsetScores
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.trace import Trace, trace_of

_EVERY = {64: 1, 32: 4, 128: 3}
"""Number of regions → it is measured on one scene out of this many."""

_WORD_EVERY = {64: 2, 32: 4, 128: 12}
"""The same for words."""

_RARE_EVERY = {64: 6, 32: 12, 128: 12}
"""The same for the searches that are not compared at every budget."""

_QUICK_REGIONS = 6
_PLANS = {plan.label: plan for plan in PLANS}

# --- quality -----------------------------------------------------------------------------------


def _quality_keys(options: Options) -> Iterator[Key]:
    """Scene by scene, so that a stop leaves balanced results; rows that share scores together."""
    for seed, model in product(options.seeds, options.models):
        counts = [count for count, every in _EVERY.items() if seed % every == 0]
        for count in [_QUICK_REGIONS] if options.quick else counts:
            for target, plan in product(_targets(count, seed), _plans(count, seed)):
                yield {
                    "model": model,
                    "dtype": options.dtype,
                    "target": target,
                    "regions_asked": count,
                    "seed": seed,
                    "search": plan.label,
                }


def _targets(count: int, seed: int) -> tuple[str, ...]:
    return ("sentence",) if seed % _WORD_EVERY.get(count, 1) else ("sentence", "word")


def _plans(count: int, seed: int) -> list[Plan]:
    rare = seed % _RARE_EVERY.get(count, 1) == 0
    return [plan for plan in PLANS if rare or not plan.rare]


def _quality(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for (name, seed), keys in groupby(missing, key=itemgetter("model", "seed")):
        model = options.model(name)
        sample = right_sample(model, seed)
        if sample is None:
            print("quality", name, seed, "has a wrong caption", flush=True)
            continue
        for (count, target), asked in groupby(keys, key=itemgetter("regions_asked", "target")):
            regions = sample.regions(count)
            scorer = model.scorer(sample.generation, sample.targets[target], regions)
            # Only the scores of one question are kept at a time.
            scores = Remembered(scorer, len(regions))
            for key in asked:
                values = ranked(_PLANS[key["search"]], regions, scores)
                yield key, {"regions": len(regions), **values}, model.info


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

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._scorer.hideable_regions

    def __call__(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        """See `Scorer`."""
        return self._evaluate(shown)


def ranked(plan: Plan, regions: Regions, scorer: Scorer) -> dict[str, Any]:
    """How many images the search of a plan scores, and what its order is worth."""
    evaluate = SubsetEvaluator(scorer, len(regions))
    ranking = plan.search.rank(regions.layout, evaluate, Objective())
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


QUALITY = Part(name="quality", keys=_quality_keys, measure=_quality)
"""Every plan on every sample."""

# --- batches -----------------------------------------------------------------------------------

_LARGER_THAN_ANY = 1 << 20


class CountedScorer(Scorer):
    """Counts how many subsets come at a time."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.asked: Counter[int] = Counter()

    def __call__(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        """See `Scorer`."""
        self.asked[len(shown)] += 1
        return self._scorer(shown)

    @property
    def preferred_batch_size(self) -> int:
        """So that nothing is split before it is counted."""
        return _LARGER_THAN_ANY

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._scorer.seen_regions

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._scorer.hideable_regions


def _batches_keys(options: Options) -> Iterator[Key]:
    count = _QUICK_REGIONS if options.quick else 64
    asked = {"model": options.models[0], "dtype": options.dtype, "regions_asked": count}
    yield from ({**asked, "search": search} for search in _PLANS)


def _batches(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        model = options.model(key["model"])
        sample = first_right_sample(model, options.first)
        regions = sample.regions(key["regions_asked"])
        scorer = CountedScorer(model.scorer(sample.generation, sample.targets["sentence"], regions))
        ranked(_PLANS[key["search"]], regions, scorer)
        asked = {str(size): times for size, times in sorted(scorer.asked.items())}
        yield key, {"scene": sample.seed, "regions": len(regions), "asked": asked}, model.info


BATCHES = Part(name="batches", keys=_batches_keys, measure=_batches)
"""Every plan on the first scene that the first model captions rightly."""
