"""Seconds per pass of both versions of the reference and of ours, in turn.

The reference's second version scores all candidates of a step at once. Here all three score the
same subsets of the same image, round by round, so that a disturbance of the machine falls on all.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from part import Key, Measurement, Options, Part
from reference import BatchedReferenceScorer, ReferenceScorer
from samples import first_right_sample, greedy_subsets
from speed import quartiles
from store import rows_of

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.loading import DEMO_TITLES
from eagle_mllm.models.huggingface import HuggingFaceModel
from tables import Cell, Table, spread

SIDES = ("one by one", "batched", "ours")


def _keys(options: Options) -> Iterator[Key]:
    for model in options.models:
        yield {**options.conditions(model), "seed": options.first}


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        model = options.model(key["model"])
        generation = first_right_sample(model, key["seed"]).generation
        regions = eagle.segment(generation.image, n_regions=64)
        rounds = 1 if options.quick else 6
        values = compare(model, generation, generation.all(), regions=regions, rounds=rounds)
        yield key, {"regions": len(regions), **values}, model.info


def compare(
    model: HuggingFaceModel,
    generation: Generation,
    target: Target,
    *,
    regions: Regions,
    rounds: int,
) -> dict[str, Any]:
    """Quartiles of each side's seconds per pass, and how far its scores are from the first side's.

    Args:
        model: the model of all
        generation: image, prompt and answer
        target: the tokens scored
        regions: a partition of the image
        rounds: how many, after one that does not count
    """
    first = ReferenceScorer(model, generation, target, regions=regions)
    second = BatchedReferenceScorer(model, generation, target, regions=regions)
    ours = model.scorer(generation, target, regions)
    score = {
        "one by one": lambda shown: np.stack([first(row) for row in shown]),
        "batched": second.batch,
        "ours": lambda shown: ours(shown).probability,
    }
    size = 4 * ours.preferred_batch_size
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    largest = dict.fromkeys(SIDES, 0.0)
    for shown in islice(greedy_subsets(len(regions), size), rounds + 1):
        found = {side: _timed(score[side], shown, times[side]) for side in SIDES}
        for side in SIDES:
            difference = float(np.abs(found[side] - found[SIDES[0]]).max())
            largest[side] = max(largest[side], difference)
    return {
        "rounds": rounds,
        "batch": size,
        # The first round warms up.
        "seconds": {side: quartiles(times[side][1:]) for side in SIDES},
        "largest_difference": largest,
    }


def _timed(
    score: Any, shown: Bool[np.ndarray, "batch regions"], times: list[float]
) -> Float[np.ndarray, "batch tokens"]:
    start = perf_counter()
    found = np.asarray(score(shown))
    times.append((perf_counter() - start) / len(shown))
    return found


BATCHED = Part(name="batched", keys=_keys, measure=_measure)
"""The caption of one scene on each model."""


def batched_table(results: Path) -> Table:
    """Milliseconds per pass of each side."""
    columns: dict[str, Cell] = {
        "demo model": lambda row: DEMO_TITLES[row["model"]],
        "precision, threads": "{dtype}, {threads}",
        **{f"{_TITLES[side]}, ms": _milliseconds(side) for side in SIDES},
        "second version / ours": lambda row: "{:.1f}".format(
            row["seconds"]["batched"][1] / row["seconds"]["ours"][1]
        ),
        "largest difference of ours, of the second": lambda row: "{ours:.1e}, {batched:.1e}".format(
            **row["largest_difference"]
        ),
    }
    return Table(columns, rows_of(results / "batched.json"))


_TITLES = {
    "one by one": "reference",
    "batched": "its second version",
    "ours": "ours",
}


def _milliseconds(side: str) -> Any:
    return lambda row: spread(row["seconds"][side], 1000)
