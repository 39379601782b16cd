"""Seconds per pass and per explanation: the reference's loop and ours, in turn.

`SPEED` scores the same subsets of the same image on both sides, so that a disturbance of the
machine falls on both. `WALL` times whole explanations: the reference's plain loop, our exact greedy
search and our default.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from time import perf_counter
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from part import Key, Measurement, Options, Part
from PIL import Image
from quality import measures
from reference import ReferenceScorer, reference_greedy
from samples import Sample, first_right_sample, greedy_subsets

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.huggingface import HuggingFaceModel

_PATHS: tuple[Literal["processor", "component"], ...] = ("processor", "component")

# --- seconds per pass --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """One property that the cost of a pass may depend on."""

    label: str
    n_regions: int = 64
    answer: float = 1.0
    """Share of the answer's tokens, from its start, that is the target."""

    scale: int = 1
    """Factor on the sides of the image, 224 x 224 pixels."""


CASES = (
    Case(label="64 regions"),
    Case(label="32 regions", n_regions=32),
    Case(label="128 regions", n_regions=128),
    Case(label="half of the answer", answer=0.5),
    Case(label="first tokens", answer=0.1),
    Case(label="image 448", scale=2),
    Case(label="image 896", scale=4),
)
"""The usual case first; the others differ from it in one thing."""


def _speed_keys(options: Options) -> Iterator[Key]:
    for case in CASES[:1] if options.quick else CASES:
        for model in options.models:
            for pixels in _PATHS:
                conditions = options.conditions(model)
                yield {**conditions, "pixels": pixels, "case": case.label, "seed": options.first}


def _speed(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    cases = {case.label: case for case in CASES}
    for key in missing:
        model, case = options.model(key["model"], pixels=key["pixels"]), cases[key["case"]]
        generation = _scaled(model, first_right_sample(model, key["seed"]).generation, case.scale)
        target = generation.at(0, ceil(case.answer * len(generation.all())))
        regions = eagle.segment(generation.image, n_regions=case.n_regions)
        facts = {"regions": len(regions), "tokens": len(target)}
        rounds = 1 if options.quick else 12
        values = compare(model, generation, target, regions=regions, rounds=rounds)
        yield key, facts | values, model.info


def _scaled(model: HuggingFaceModel, generation: Generation, scale: int) -> Generation:
    """The same answer about a larger version of the image."""
    if scale == 1:
        return generation
    image = Image.fromarray(generation.image)
    larger = image.resize((image.width * scale, image.height * scale))
    return model.with_answer(larger, generation.prompt, generation.text)


def compare(
    model: HuggingFaceModel,
    generation: Generation,
    target: Target,
    *,
    regions: Regions,
    rounds: int,
) -> dict[str, Any]:
    """Quartiles of both sides' seconds per pass and of their ratio, and how far scores differ.

    Each round scores a few dozen new subsets, first one by one as the reference does, then
    together as we do.

    Args:
        model: the model of both
        generation: image, prompt and answer
        target: the tokens scored
        regions: a partition of the image
        rounds: how many, after one that does not count
    """
    reference = ReferenceScorer(model, generation, target, regions=regions)
    start = perf_counter()
    ours = model.scorer(generation, target, regions)
    binding = perf_counter() - start
    size = 2 * ours.preferred_batch_size
    times: list[tuple[float, float]] = []
    differences = []
    for shown in islice(greedy_subsets(len(regions), size), rounds + 1):
        judged, slow = _timed(lambda rows: np.stack([reference(row) for row in rows]), shown)
        scored, fast = _timed(lambda rows: ours(rows).probability, shown)
        times.append((slow / size, fast / size))
        differences.append(judged - scored)
    slow_times, fast_times = np.array(times[1:]).T  # the first round warms up
    difference = np.concatenate(differences)
    return {
        "rounds": rounds,
        "passes": rounds * size,
        "reference_seconds": quartiles(slow_times),
        "our_seconds": quartiles(fast_times),
        "ratio": quartiles(slow_times / fast_times),
        "binding_seconds": round(binding, 6),
        "max_difference": float(np.abs(difference).max()),
        "max_mean_difference": float(np.abs(difference.mean(axis=1)).max()),
    }


def quartiles(values: Sequence[float] | Float[np.ndarray, " values"]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return [round(float(value), 6) for value in np.quantile(values, [0.25, 0.5, 0.75])]


def _timed(
    score: Callable[[np.ndarray], np.ndarray], shown: Bool[np.ndarray, "batch regions"]
) -> tuple[np.ndarray, float]:
    start = perf_counter()
    return score(shown), perf_counter() - start


SPEED = Part(name="speed", keys=_speed_keys, measure=_speed)
"""Every case with both ways to make pixels."""

# --- seconds per explanation -------------------------------------------------------------------

_ESTIMATED_PICKS = 2
"""With `--estimate` the reference runs this many of its N steps; scaled to N(N + 1) passes."""

_SCENES = 3
_EXACT = eagle.Eagle(search=eagle.GreedySearch())


def _wall_keys(options: Options) -> Iterator[Key]:
    asked = {"target": "sentence", "regions_asked": 6 if options.quick else 64}
    for seed in options.seeds[:_SCENES]:
        for model in options.models:
            yield {**options.conditions(model), **asked, "seed": seed}


def _wall(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        model = options.model(key["model"])
        sample = first_right_sample(model, key["seed"])
        regions = sample.regions(key["regions_asked"])
        values = {
            "scene": sample.seed,
            "regions": len(regions),
            "reference": _plain_loop(model, sample, regions, estimate=options.estimate),
            "exact greedy": _explained(model, sample, regions, method=_EXACT),
            "default": _explained(model, sample, regions, method=eagle.Eagle()),
        }
        yield key, values, model.info


def _plain_loop(
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


def _explained(
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


WALL = Part(name="wall", keys=_wall_keys, measure=_wall)
"""The sentence of a few scenes; a row says what was timed in full."""
