"""What do all words of a caption cost together, and is each as well explained as alone?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from part import Key, Measurement, Options, Part
from quality import Remembered
from samples import Sample, right_sample
from store import rows_of

import eagle_mllm as eagle
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.several import union
from eagle_mllm.loading import DEMO_TITLES
from tables import Cell, Table

_EVERY = 4
"""Measured on one scene out of this many."""

_PASSES = ("sentence", "apart", "together")

_DEPENDS = 0.1
"""Least gap of a word that depends on the image: below, a share of it says nothing."""


def _keys(options: Options) -> Iterator[Key]:
    for seed in options.seeds:
        for model in options.models:
            if seed % _EVERY == 0:
                regions = 6 if options.quick else 64
                yield {
                    "model": model,
                    "dtype": options.dtype,
                    "regions_asked": regions,
                    "seed": seed,
                }


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        model = options.model(key["model"])
        sample = right_sample(model, key["seed"])
        if sample is not None:
            regions = sample.regions(key["regions_asked"])
            yield key, compared(model, sample, regions), model.info


def compared(model: Model, sample: Sample, regions: eagle.Regions) -> dict[str, Any]:
    """Passes of the sentence, of its words apart and together, and the shares of the gaps."""
    generation = sample.generation
    words = generation.each_word()
    together = eagle.attribute_each(model, generation, words, regions=regions)
    asked = union(words)
    memory = Remembered(model.scorer(generation, asked, regions), len(regions))
    apart = list[Attribution]()
    for word in words:
        columns = [asked.positions.index(position) for position in word.positions]
        evaluate = SubsetEvaluator(memory, len(regions)).of(columns)
        apart.append(
            eagle.Eagle().attribute(model, generation, word, regions=regions, evaluate=evaluate)
        )
    sentence = eagle.attribute(model, generation, generation.all(), regions=regions)
    alone, found = (
        np.array([eagle.metrics.faithfulness_gap(one.trace) for one in every])
        for every in (apart, together)
    )
    depends = alone >= _DEPENDS
    shares = found[depends] / alone[depends]
    return {
        "words": len(words),
        "depending": int(depends.sum()),
        "passes_sentence": sentence.forward_passes,
        "passes_apart": sum(one.forward_passes for one in apart),
        "passes_together": sum(one.forward_passes for one in together),
        "share": round(float(found.sum() / alone.sum()), 6),
        "least_share": round(float(shares.min()), 6) if len(shares) else None,
        "near": int((shares >= 0.98).sum()),
    }


WORDS = Part(name="words", keys=_keys, measure=_measure)
"""Every word of a right caption, on some of the samples."""


def words_table(results: Path) -> Table:
    """Sums and means over the captions of each model."""
    rows = rows_of(results / "words.json")
    columns: dict[str, Cell] = {
        "demo model": lambda row: DEMO_TITLES[row["model"]],
        "captions": "{captions}",
        "words": "{words}",
        "passes: sentence": "{sentence:.0f}",
        "words apart": "{apart:.0f}",
        "words together": "{together:.0f}",
        "times a sentence": "{times:.1f}",
        "gap of all, share of apart": "{share:.1%}",
        "words at 98 % or more": "{near} of {depending}",
    }
    models = dict.fromkeys(row["model"] for row in rows)
    return Table(
        columns, [_summed([row for row in rows if row["model"] == name]) for name in models]
    )


def _summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    mean = {name: float(np.mean([row[f"passes_{name}"] for row in rows])) for name in _PASSES}
    total = {name: sum(row[name] for row in rows) for name in ("words", "depending", "near")}
    return {
        "model": rows[0]["model"],
        "captions": len(rows),
        **total,
        **mean,
        "times": mean["together"] / mean["sentence"],
        "share": float(np.mean([row["share"] for row in rows])),
    }
