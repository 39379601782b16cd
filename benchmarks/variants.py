"""What errors of the public comparison code change: a method as published against ours.

On held-out scenes with right captions, for the whole caption and one word of it. Pixels are ranked,
as in the published numbers. `variant="eagle"` is the method's own; "wrapped" is a map as 8-bit
integers whose negative wraps around, so that what is 0 ranks first. For the pointing game each row
has the map as it is and turned around, which is how IGOS++'s is read there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, product
from operator import itemgetter
from typing import Any

import numpy as np
from part import Key, Measurement, Options, Part
from samples import Sample, right_sample

import eagle_mllm as eagle
from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.metrics import pointing_game_any_overlap

_REGIONS = 64
_QUICK_REGIONS = 9
_QUICK = {"iterations": 1, "samples": 2}


@dataclass(frozen=True, kw_only=True)
class Wrapped(MapMethod):
    """A method whose map is kept in 8 bits and ranked by its negative, modulo 256."""

    method: MapMethod

    @property
    def name(self) -> str:
        """The method's name, and what is done to it."""
        return f"{self.method.name}, wrapped"

    @property
    def settings(self) -> dict[str, Any]:
        """See `AttributionMethod`."""
        return {**self.method.settings, "method": self.name}

    def map_of(self, question: Question) -> Saliency:
        """256 where the map is 0, and elsewhere the map in 8 bits."""
        values = self.method.map_of(question)
        levels = np.floor(255 * values / max(float(values.max()), 1e-12))
        return np.where(levels == 0, 256, levels).astype(np.float32)


def methods(*, quick: bool = False) -> Mapping[str, MapMethod]:
    """The methods compared, by the name of their rows; each error is beside what it spoils.

    Args:
        quick: few steps, and regions are ranked
    """
    igos = partial(eagle.baselines.IgosPlusPlus, **(_QUICK if quick else {}))
    tam = eagle.baselines.Tam
    found: Mapping[str, MapMethod] = {
        "igos++": igos(),
        "igos++, eagle": igos(variant="eagle"),
        "tam": tam(),
        "tam, eagle": tam(variant="eagle"),
        "tam, wrapped": Wrapped(method=tam()),
    }
    if quick:
        return found
    return {name: replace(method, ranking="pixels") for name, method in found.items()}


def _keys(options: Options) -> Iterator[Key]:
    """Scene by scene, so that a stop leaves balanced results."""
    for seed, model in product(options.seeds, options.models):
        for target, method in product(("sentence", "word"), methods()):
            conditions = {"model": model, "dtype": options.dtype, "target": target}
            yield {**conditions, "seed": seed, "method": method}


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    known = methods(quick=options.quick)
    for (name, seed), keys in groupby(missing, key=itemgetter("model", "seed")):
        model = options.model(name)
        sample = right_sample(model, seed)
        if sample is None:
            print("variants", name, seed, "has a wrong caption", flush=True)
            continue
        for key in keys:
            regions = sample.regions(_QUICK_REGIONS if options.quick else _REGIONS)
            asked = partial(eagle.attribute, model, sample.generation, regions=regions)
            target = sample.targets[key["target"]]
            yield key, _values(asked(target, method=known[key["method"]]), sample), model.info


def _values(attribution: Attribution, sample: Sample) -> dict[str, Any]:
    trace = attribution.trace
    insertion = eagle.metrics.insertion_auc(trace)
    deletion = eagle.metrics.deletion_auc(trace)
    values = {"insertion": insertion, "deletion": deletion, "gap": insertion - deletion}
    is_word = attribution.target == sample.targets["word"]
    return {
        **{name: round(value, 5) for name, value in values.items()},
        **(_pointing(attribution, sample) if is_word else {}),
    }


def _pointing(attribution: Attribution, sample: Sample) -> dict[str, bool]:
    """By the published rule, where any pixel of the maximum counts."""
    maps = {"hit": attribution.saliency, "hit_turned": 1 - attribution.saliency}
    return {
        name: bool(pointing_game_any_overlap(saliency, sample.word_mask))
        for name, saliency in maps.items()
    }


VARIANTS = Part(name="variants", keys=_keys, measure=_measure)
"""Each method as published, and each as an error makes it, scene by scene."""
