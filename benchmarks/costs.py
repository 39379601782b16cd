"""What an explanation costs by each method: passes, passes backward, seconds and memory.

Captions of held-out scenes, 64 regions. Each method has a process of its own, whose peak is read
before and after. Seconds are those of the processor, so that other programs do not count; with
one thread they are the wall time of a quiet machine.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, product
from multiprocessing import get_context
from time import process_time
from typing import Any

import torch
from footprint import peak_memory_mib
from part import Key, Measurement, Options, Part
from samples import right_samples
from speed import quartiles

import eagle_mllm as eagle
from eagle_mllm.attribution.method import AttributionMethod
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.baselines.registry import BASELINES

_REGIONS = 64
_SCENES = 3


def methods(*, quick: bool = False) -> Mapping[str, AttributionMethod]:
    """Every method by the name of its row, EAGLE's default last.

    Args:
        quick: fewer steps, copies and passes
    """
    igos = eagle.baselines.IgosPlusPlus
    one_mask = {"igos++, one mask": igos(masks="one")}
    if quick:
        few = {"llava-cam": eagle.baselines.LlavaCam(n_copies=2)}
        few |= {"igos++": igos(iterations=1, samples=2)}
        return {"single-scan": eagle.baselines.SingleScan(), "tam": eagle.baselines.Tam(), **few}
    return {
        **{name: method() for name, method in BASELINES.items()},
        **one_mask,
        "eagle": eagle.Eagle(),
    }


def backward(method: AttributionMethod) -> int:
    """How many of its passes go backward."""
    return method.map_gradients if isinstance(method, MapMethod) else 0


def _keys(options: Options) -> Iterator[Key]:
    for name, model in product(methods(quick=options.quick), options.models):
        yield {**options.conditions(model), "method": name}


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        # Spawned, not forked: a fork would begin with all that this process holds.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            values = pool.submit(_costs, options, key).result()
        yield key, values, options.model(key["model"]).info


def _costs(options: Options, key: Key) -> dict[str, Any]:
    """The costs of some captions, in this process."""
    torch.set_num_threads(options.threads)
    model = options.model(key["model"])
    method = methods(quick=options.quick)[key["method"]]
    samples = list(islice(right_samples(model, options.first), 1 if options.quick else _SCENES))
    before, seconds, passes, regions = peak_memory_mib(), [], [], []
    for sample in samples:
        cut = sample.regions(9 if options.quick else _REGIONS)
        start = process_time()
        found = eagle.attribute(
            model, sample.generation, sample.targets["sentence"], regions=cut, method=method
        )
        seconds.append(process_time() - start)
        passes.append(found.forward_passes)
        regions.append(len(cut))
    return {
        "regions": regions,
        "passes": passes,
        "backward": backward(method),
        "cpu_seconds": quartiles(seconds),
        "before_mib": before,
        "peak_mib": peak_memory_mib(),
    }


COSTS = Part(name="costs", keys=_keys, measure=_measure)
"""Every baseline, and EAGLE's default search beside them."""
