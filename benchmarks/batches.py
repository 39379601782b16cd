"""How many subsets do searches ask for at a time? It decides what a batch size costs.

A pass has a fixed number of images on a GPU, so that the last one of every scan is padded: a batch
that is large for the scans of a search computes images that nobody asked for.
"""

from collections import Counter
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from machine import run_record
from options import Options
from samples import first_right_sample
from searches import PLANS
from store import ResultFile, rows_of

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.model import Scorer, SubsetScores
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.trace import trace_of

PART = "batches"
KEY = ("family", "dtype", "regions_asked", "search")

_LARGER_THAN_ANY = 1 << 20
_REGIONS = 64
_QUICK_REGIONS = 6


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


def measure(options: Options) -> None:
    """Every plan on the first scene that the first family captions rightly."""
    file = ResultFile(options.out / f"{PART}.json", key=KEY)
    family = options.families[0]
    count = _QUICK_REGIONS if options.quick else _REGIONS
    asked = {"family": family, "dtype": options.dtype, "regions_asked": count}
    missing = [plan for plan in PLANS if {**asked, "search": plan.label} not in file]
    if not missing:
        return
    model = options.model(family)
    sample = first_right_sample(model, options.first)
    regions = sample.regions(count)
    for plan in missing:
        scorer = CountedScorer(model.scorer(sample.generation, sample.targets["sentence"], regions))
        evaluate = SubsetEvaluator(scorer, len(regions))
        trace_of(plan.search.rank(regions, evaluate, Objective()), evaluate, regions)
        row = {
            **asked,
            "search": plan.label,
            "scene": sample.seed,
            "regions": len(regions),
            "asked": {str(size): times for size, times in sorted(scorer.asked.items())},
        }
        file.add(row, run=run_record(model.info, settings=options.settings()))
        print(PART, family, plan.label, flush=True)


def computed(asked: dict[str, int], batch: int) -> int:
    """Images that are computed for a search in batches of one size, padding and all."""
    return sum(ceil(int(size) / batch) * batch * times for size, times in asked.items())


def asked_by(results: Path, search: str) -> dict[str, int] | None:
    """How many subsets a search asked for at a time → how often; None if not measured yet."""
    found = [row["asked"] for row in rows_of(results / f"{PART}.json") if row["search"] == search]
    return found[0] if found else None
