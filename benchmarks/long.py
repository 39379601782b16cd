"""Long answers: what the scale of the objective and the choice of tokens are worth there.

A description here is the true caption of a scene and then a true sentence for every question about
it: five to twenty sentences, most of whose tokens follow from those before them. The demo models
write captions and short answers only, so the text is given to them, and some of its tokens are
nearly impossible to them. All objectives of a sample share its scores; each counts what it asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from part import Key, Measurement, Options, Part
from quality import Remembered
from samples import right_sample
from store import Row, rows_of

import eagle_mllm as eagle
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.loading import DEMO_TITLES
from eagle_mllm.metrics.relevance import relevance_mass, relevance_rank
from eagle_mllm.metrics.summary import Summary, paired_difference
from eagle_mllm.scenes.language import CAPTION_PROMPT
from eagle_mllm.scenes.scene import Scene
from tables import Cell, Table

MEAN = "mean"
"""The label of the default, which the others are compared with."""

_SENSITIVE = eagle.Eagle(sensitive=0.2)
_LOGARITHM = eagle.Objective(scale="log-probability")

METHODS = {
    MEAN: eagle.Eagle(),
    "log-probability": eagle.Eagle(objective=_LOGARITHM),
    "sensitive": _SENSITIVE,
    "sensitive, log-probability": eagle.Eagle(sensitive=0.2, objective=_LOGARITHM),
}
"""Label → the method."""

_LEAST_OBJECTS = 2
"""Of a scene: a description of one object is not long."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A scene, and what is said about it at length."""

    scene: Scene
    generation: Generation

    @property
    def evidence(self) -> np.ndarray:
        """True on every object: the description speaks of all."""
        return np.any([one.mask for one in self.scene.objects], axis=0)


def described(model: Model, seed: int) -> Description | None:
    """The description of a held-out scene; None where the model's own caption of it is wrong."""
    scene = eagle.scenes.scene(seed)
    if len(scene.objects) < _LEAST_OBJECTS or right_sample(model, seed) is None:
        return None
    answers = [one.answer for one in scene.questions if one.kind != "existence"]
    text = " ".join([scene.caption, *answers])
    return Description(scene=scene, generation=model.with_answer(scene.image, CAPTION_PROMPT, text))


def _keys(options: Options) -> Iterator[Key]:
    for seed, model in product(options.seeds, options.models):
        for label in METHODS:
            yield {
                "model": model,
                "dtype": options.dtype,
                "regions_asked": 6 if options.quick else 64,
                "seed": seed,
                "objective": label,
            }


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for (name, seed), keys in groupby(missing, key=itemgetter("model", "seed")):
        model = options.model(name)
        description = described(model, seed)
        if description is None:
            continue
        asked = list(keys)
        generation = description.generation
        regions = eagle.segment(generation.image, n_regions=asked[0]["regions_asked"])
        scores = Remembered(model.scorer(generation, generation.all(), regions), len(regions))
        for key in asked:
            evaluate = SubsetEvaluator(scores, len(regions))
            values = explained(
                METHODS[key["objective"]], model, description, regions, evaluate=evaluate
            )
            yield key, values, model.info


def explained(
    method: eagle.Eagle,
    model: Model,
    description: Description,
    regions: Regions,
    *,
    evaluate: SubsetEvaluator,
) -> dict[str, Any]:
    """Passes, the gap of the whole answer and of its sensitive tokens, and the map's evidence."""
    generation = description.generation
    found = method.attribute(
        model, generation, generation.all(), regions=regions, evaluate=evaluate
    )
    sensitive = eagle.metrics.sensitive_tokens(found.trace)
    values = {
        "gap": eagle.metrics.faithfulness_gap(found.trace),
        "insertion": eagle.metrics.insertion_auc(found.trace),
        "deletion": eagle.metrics.deletion_auc(found.trace),
        "gap_sensitive": eagle.metrics.faithfulness_gap(found.trace, tokens=sensitive),
        "mass": relevance_mass(found.saliency, description.evidence),
        "rank": relevance_rank(found.saliency, description.evidence),
    }
    return {
        "tokens": len(generation.all()),
        "sensitive": len(sensitive),
        "passes": found.forward_passes,
        **{name: round(value, 6) for name, value in values.items()},
    }


LONG = Part(name="long", keys=_keys, measure=_measure)
"""Every objective on every description."""


def long_table(results: Path) -> Table:
    """Means over the descriptions of each model, and each objective's difference to the mean."""
    rows = rows_of(results / "long.json")
    columns: dict[str, Cell] = {
        "demo model": lambda row: DEMO_TITLES[row["model"]],
        "objective": "{objective}",
        "n": "{n}",
        "tokens (sensitive)": "{tokens:.0f} ({sensitive:.0f})",
        "passes": "{passes:.0f}",
        "ins ↑": "{insertion:.3f}",
        "del ↓": "{deletion:.3f}",
        "gap ↑": "{gap:.3f}",
        "more than the mean's": lambda row: _difference(row["gap_more"]),
        "gap, sensitive ↑": "{gap_sensitive:.3f}",
        "more than the mean's ": lambda row: _difference(row["gap_sensitive_more"]),
        "relevance mass ↑": "{mass:.3f}",
        "relevance rank ↑": "{rank:.3f}",
    }
    models = [name for name in DEMO_TITLES if any(row["model"] == name for row in rows)]
    made = [_summed(rows, model, label) for model in models for label in METHODS]
    return Table(columns, [row for row in made if row["n"]])


def _summed(rows: list[Row], model: str, label: str) -> Row:
    usual, these = (
        {row["seed"]: row for row in rows if (row["model"], row["objective"]) == (model, name)}
        for name in (MEAN, label)
    )
    seeds = sorted(usual.keys() & these.keys())
    numbers = ("tokens", "sensitive", "passes", "insertion", "deletion", "gap", "gap_sensitive")
    means = {
        name: float(np.nanmean([these[seed][name] for seed in seeds])) if seeds else np.nan
        for name in (*numbers, "mass", "rank")
    }
    more = {
        f"{name}_more": paired_difference(
            [these[seed][name] for seed in seeds],
            [usual[seed][name] for seed in seeds],
            rng=np.random.default_rng(0),
        )
        for name in ("gap", "gap_sensitive")
    }
    return {"model": model, "objective": label, "n": len(seeds), **means, **more}


def _difference(more: Summary) -> str:
    """A mean of paired differences with its interval; a dash for the mean itself."""
    if more.low == more.high == 0:
        return "–"
    text = f"{more.mean:+.3f} [{more.low:+.3f}, {more.high:+.3f}]".replace("-", "−")
    return f"**{text}**" if more.excludes_zero else text
