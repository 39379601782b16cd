"""Do maps point at the objects, and do words that need eyes have the higher evidence score?

On the first held-out scenes whose caption a demo model writes rightly: the map of an object's
shape word should have its maximum inside the object, and evidence words (size, colour, shape,
relation) should have a higher evidence score than function words (AUROC over words).
"""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np
from part import Key, Measurement, Options, Part
from samples import Sample, right_samples

import eagle_mllm as eagle
from eagle_mllm.attribution.model import Model
from eagle_mllm.metrics.localization import pointing_game
from eagle_mllm.scenes.evidence import known_words

_FIRST_PICK = eagle.Eagle(search=eagle.GreedySearch(max_regions=1))
"""The maximum of a map is the first region picked, so one pick is enough to find it."""


def _keys(options: Options) -> Iterator[Key]:
    scenes, regions = (2, 9) if options.quick else (40, 64)
    asked = {"dtype": options.dtype, "scenes": scenes, "regions_asked": regions}
    yield from ({"model": model, **asked} for model in options.models)


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        model = options.model(key["model"])
        values = _measured(model, n_scenes=key["scenes"], n_regions=key["regions_asked"])
        yield key, values, model.info


def _measured(model: Model, *, n_scenes: int, n_regions: int) -> dict[str, Any]:
    start, passes, last = perf_counter(), 0, 0
    hits: list[bool] = []
    scores: list[float] = []
    labels: list[bool] = []
    for _, sample in zip(range(n_scenes), right_samples(model), strict=False):
        hit, spent = _points_inside(model, sample, n_regions=n_regions)
        found, needs_eyes, more = _evidence(model, sample, n_regions=n_regions)
        hits.append(hit)
        scores += found
        labels += needs_eyes
        passes, last = passes + spent + more, sample.seed
    evidence, is_evidence = np.array(scores), np.array(labels)
    return {
        "scenes_tried": last + 1,
        "pointing_hits": int(np.sum(hits)),
        "pointing_game": float(np.mean(hits)),
        "words": len(labels),
        "evidence_words": int(is_evidence.sum()),
        "evidence_auroc": eagle.metrics.evidence_auroc(evidence, is_evidence),
        "mean_evidence_of_evidence_words": float(evidence[is_evidence].mean()),
        "mean_evidence_of_function_words": float(evidence[~is_evidence].mean()),
        "passes": passes,
        "seconds": round(perf_counter() - start, 1),
    }


def _points_inside(model: Model, sample: Sample, *, n_regions: int) -> tuple[bool, int]:
    """Whether the map of the sample's word has its maximum inside the object, and the passes."""
    attribution = eagle.attribute(
        model,
        sample.generation,
        sample.targets["word"],
        regions=sample.regions(n_regions),
        method=_FIRST_PICK,
    )
    return pointing_game(attribution.saliency, sample.word_mask), attribution.forward_passes


def _evidence(
    model: Model, sample: Sample, *, n_regions: int
) -> tuple[list[float], list[bool], int]:
    """Each known word's evidence score, whether it is an evidence word, and the passes."""
    attribution = eagle.attribute(
        model,
        sample.generation,
        sample.targets["sentence"],
        regions=sample.regions(n_regions),
        method=_FIRST_PICK,
    )
    scores = eagle.modality_reliance(attribution.trace).evidence
    known = known_words(eagle.scenes.scene(sample.seed), sample.generation)
    return (
        [float(np.mean(scores[list(item.word.tokens)])) for item in known],
        [item.truth.is_evidence for item in known],
        attribution.forward_passes,
    )


EVIDENCE = Part(name="evidence", keys=_keys, measure=_measure)
"""Both figures of each demo model."""
