"""Seconds a pass: the reference's loop and ours, in turn, on the same subsets of the same image."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from time import perf_counter
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from machine import run_record
from options import Options
from PIL import Image
from reference import ReferenceScorer
from samples import first_right_sample
from store import ResultFile

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.models.huggingface import HuggingFaceModel

PART = "speed"
KEY = ("family", "dtype", "threads", "pixels", "case", "seed")

_PATHS: tuple[Literal["processor", "component"], ...] = ("processor", "component")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that a pass may cost more or less for."""

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


def measure(options: Options) -> None:
    """Every case on both ways to make pixels, family by family."""
    file = ResultFile(options.out / f"{PART}.json", key=KEY)
    rounds, cases = (1, CASES[:1]) if options.quick else (12, CASES)
    for case in cases:
        for family in options.families:
            for pixels in _PATHS:
                key = {
                    **options.conditions(family),
                    "pixels": pixels,
                    "case": case.label,
                    "seed": options.first,
                }
                if key in file:
                    continue
                model = options.model(family, pixels=pixels)
                values = _measure_case(model, case, seed=options.first, rounds=rounds)
                run = run_record(model.info, settings=options.settings())
                file.add({**key, **values}, run=run)
                print(PART, family, pixels, case.label, values["ratio"], flush=True)


def _measure_case(model: HuggingFaceModel, case: Case, *, seed: int, rounds: int) -> dict[str, Any]:
    generation = _scaled(model, first_right_sample(model, seed).generation, case.scale)
    everything = generation.all()
    target = generation.at(0, ceil(case.answer * len(everything)))
    regions = segment(generation.image, n_regions=case.n_regions)
    facts = {"regions": len(regions), "tokens": len(target)}
    return facts | compare(model, generation, target, regions=regions, rounds=rounds)


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
    """Quartiles of both sides' seconds a pass and of their ratio, and how far scores differ.

    Each round scores a few dozen new subsets, first one by one as the reference does, then
    together as we do. A disturbance of the machine falls on both.

    Args:
        model: the model of both.
        generation: image, prompt and answer.
        target: the tokens scored.
        regions: a partition of the image.
        rounds: how many, after one that does not count.
    """
    reference = ReferenceScorer(model, generation, target, regions=regions)
    start = perf_counter()
    ours = model.scorer(generation, target, regions)
    binding = perf_counter() - start
    times: list[tuple[float, float]] = []
    differences = []
    for shown in islice(greedy_subsets(len(regions), 2 * ours.preferred_batch_size), rounds + 1):
        judged, slow = _timed(lambda rows: np.stack([reference(row) for row in rows]), shown)
        scored, fast = _timed(lambda rows: ours(rows).probability, shown)
        times.append((slow / len(shown), fast / len(shown)))
        differences.append(judged - scored)
    slow_times, fast_times = np.array(times[1:]).T  # the first round warms up
    difference = np.concatenate(differences)
    return {
        "rounds": rounds,
        "passes": rounds * 2 * ours.preferred_batch_size,
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


def greedy_subsets(n_regions: int, size: int) -> Iterator[Bool[np.ndarray, "batch regions"]]:
    """Batches as a greedy search asks them: one more region each, and their complements.

    Args:
        n_regions: N.
        size: subsets a batch, even.
    """
    rng = np.random.default_rng(0)
    half = size // 2
    while True:
        order = rng.permutation(n_regions)
        picked = int(rng.integers(n_regions))
        shown = np.zeros((half, n_regions), dtype=bool)
        shown[:, order[:picked]] = True
        # Near the end of a search there are fewer candidates than rows: some come twice.
        shown[np.arange(half), np.resize(order[picked:], half)] = True
        yield np.concatenate([shown, ~shown])


def _timed(
    score: Callable[[np.ndarray], np.ndarray], shown: Bool[np.ndarray, "batch regions"]
) -> tuple[np.ndarray, float]:
    start = perf_counter()
    return score(shown), perf_counter() - start
