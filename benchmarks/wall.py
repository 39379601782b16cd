"""Wall time of one explanation: the reference's plain loop, our exact greedy, our default."""

from time import perf_counter
from typing import Any

import numpy as np
from machine import run_record
from options import Options
from quality import measures
from reference import ReferenceScorer, reference_greedy
from samples import Sample, first_right_sample
from store import ResultFile

import eagle_mllm as eagle
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.huggingface import HuggingFaceModel

PART = "wall"
KEY = ("family", "dtype", "threads", "target", "regions_asked", "seed")

_ESTIMATED_PICKS = 2
"""With `--estimate` the reference runs so many of its N steps and is scaled to N(N + 1) passes."""

_SCENES = 3
_EXACT = eagle.Eagle(search=eagle.GreedySearch())


def measure(options: Options) -> None:
    """The sentence of a few scenes, all sides in turn; a row says what was timed in full."""
    file = ResultFile(options.out / f"{PART}.json", key=KEY)
    count = 6 if options.quick else 64
    for seed in options.seeds[:_SCENES]:
        for family in options.families:
            key = {
                **options.conditions(family),
                "target": "sentence",
                "regions_asked": count,
                "seed": seed,
            }
            if key in file:
                continue
            model = options.model(family)
            sample = first_right_sample(model, seed)
            regions = sample.regions(count)
            sides = {
                "reference": _reference(model, sample, regions, estimate=options.estimate),
                "exact greedy": _ours(model, sample, regions, method=_EXACT),
                "default": _ours(model, sample, regions, method=eagle.Eagle()),
            }
            run = run_record(model.info, settings=options.settings())
            file.add({**key, "scene": sample.seed, "regions": len(regions), **sides}, run=run)
            times = {side: values["seconds"] for side, values in sides.items()}
            print(PART, family, times, flush=True)


def _reference(
    model: HuggingFaceModel, sample: Sample, regions: Regions, *, estimate: bool
) -> dict[str, Any]:
    n_regions = len(regions)
    score = ReferenceScorer(model, sample.generation, sample.targets["sentence"], regions=regions)
    picks = min(_ESTIMATED_PICKS, n_regions) if estimate else n_regions
    score(np.ones(n_regions, dtype=bool))  # the first pass of a process is slower than any other
    start = perf_counter()
    run = reference_greedy(score, n_regions, picks=picks)
    seconds, passes = perf_counter() - start, n_regions * (n_regions + 1)
    return {
        "search": "plain greedy",
        "seconds": round(seconds * passes / len(run.seconds), 3),
        "passes": passes,
        "timed_passes": len(run.seconds),
        "estimated": picks < n_regions,
    }


def _ours(
    model: HuggingFaceModel, sample: Sample, regions: Regions, *, method: eagle.Eagle
) -> dict[str, Any]:
    attribution = eagle.attribute(
        model, sample.generation, sample.targets["sentence"], regions=regions, method=method
    )
    return {
        "search": method.search.name,
        "seconds": round(attribution.seconds, 3),
        "passes": attribution.forward_passes,
        **measures(attribution.trace),
    }
