"""Captions with and without what `audit --fix` hides: are fewer of their objects made up?

Like CHAIR (https://arxiv.org/abs/1809.02156), with recall and length beside it: an answer that says
less is rarely wrong. Every object of a generated scene is known, so no list of synonyms is needed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hallucination_lines import (
    RESULTS,
    TITLES,
    Row,
    add,
    interval,
    is_true,
    lines,
    load,
    resumed,
    table,
)

import eagle_mllm as eagle
from eagle_mllm.hallucination.claims import claims_of
from eagle_mllm.hallucination.fixing import fix
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.world import SHAPES

_PROMPT = "Describe the image."


def caption(name: str, first: int, last: int) -> None:
    """The caption of each scene by greedy decoding and after `audit --fix`, and what they name."""
    path = RESULTS / f"caption-{name}.jsonl"
    model = None
    for key in resumed(path, [str(seed) for seed in range(first, last)]):
        model = model or load(name)
        example = scene(int(key))
        image = np.asarray(example.image)
        regions = eagle.segment(image)
        generation = model.generate(image, _PROMPT)
        found = eagle.audit(model, generation, regions=regions)
        fixed = fix(model, found, regions=regions)
        again = model.with_answer(image, _PROMPT, fixed.answer) if fixed else generation
        row = {
            "greedy": named(generation, example),
            "fixed": named(again, example),
            "hidden": fixed.area if fixed else 0.0,
            "passes": found.passes,
            "seconds": found.seconds,
        }
        add(path, {"key": key, "rows": [row]})


def named(generation: Any, example: Any) -> dict[str, int]:
    """How many objects a caption names, how many of them are there, and how long it is."""
    phrases = [one.phrase for one in claims_of(generation) if one.text.lower() in SHAPES]
    true = [phrase for phrase in phrases if is_true(phrase, example)]
    return {
        "named": len(phrases),
        "true": len(true),
        "found": len(set(true)),
        "objects": len(example.objects),
        "words": len(generation.words),
    }


def _ratio(way: str, part: str, whole: str) -> Callable[[Sequence[Row]], float]:
    def measure(rows_: Sequence[Row]) -> float:
        sums = [sum(row[way][name] for row in rows_) for name in (part, whole)]
        return sums[0] / max(1, sums[1])

    return measure


def caption_table() -> str:
    """Precision, recall and length of captions by each way of decoding."""
    body = []
    for name, title in TITLES.items():
        stored = lines(f"caption-{name}")
        some = [{**row, "scene": line["key"]} for line in stored for row in line["rows"]]
        for way, label in (("greedy", "greedy"), ("fixed", "`audit --fix`")):
            if some:
                body.append(
                    [
                        f"{title} ({len(some)})",
                        label,
                        interval(some, _ratio(way, "true", "named")),
                        interval(some, _ratio(way, "found", "objects")),
                        f"{np.mean([row[way]['words'] for row in some]):.1f}",
                        f"{np.mean([row['hidden'] > 0 for row in some]):.0%}",
                    ]
                )
    heads = ("model (captions)", "decoding", "precision", "recall", "words", "doubted")
    return table(heads, body)
