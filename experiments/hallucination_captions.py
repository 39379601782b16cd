"""Captions by several ways of decoding: are fewer of their objects made up?

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
from hallucination_rivals import contrasted_caption, with_noise

import eagle_mllm as eagle
from eagle_mllm.attribution.masking import fill_image, masked_image
from eagle_mllm.hallucination.claims import claims_of
from eagle_mllm.hallucination.fixing import fix
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.world import SHAPES

_PROMPT = "Describe the image."

_WAYS = {
    "greedy": "greedy",
    "vcd": "VCD (noised image)",
    "contrast": "contrast with the image without the evidence",
    "fixed": "`audit --fix`",
}
"""The last two are greedy decoding where no word is doubted."""


def caption(name: str, first: int, last: int) -> None:
    """The caption of each scene by each way of decoding, and what it names."""
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
        texts = {"vcd": contrasted_caption(model, image, with_noise(image), _PROMPT)}
        if fixed:
            without = masked_image(image, fill_image(image, "black"), ~fixed.mask)
            texts["contrast"] = contrasted_caption(model, image, without, _PROMPT)
            texts["fixed"] = fixed.answer
        row = {
            way: named(model.with_answer(image, _PROMPT, text), example)
            for way, text in (dict.fromkeys(_WAYS, generation.text) | texts).items()
        }
        row |= {"hidden": fixed.area if fixed else 0.0}
        row |= {"passes": found.passes, "seconds": found.seconds}
        add(path, {"key": key, "rows": [row]})


def named(generation: Any, example: Any) -> dict[str, int]:
    """How many objects a caption names, how many of them are there, and the same of its claims."""
    claims = claims_of(generation)
    true = [claim for claim in claims if is_true(claim.phrase, example)]
    said, there = (
        [one.text.lower() for one in some if one.text.lower() in SHAPES] for some in (claims, true)
    )
    return {
        "named": len(said),
        "true": len(there),
        "found": len(set(there)),
        "objects": len(example.objects),
        "claims": len(claims),
        "supported": len(true),
        "words": len(generation.words),
    }


def _ratio(way: str, part: str, whole: str) -> Callable[[Sequence[Row]], float]:
    def measure(rows_: Sequence[Row]) -> float:
        sums = [sum(row[way][name] for row in rows_) for name in (part, whole)]
        return sums[0] / max(1, sums[1])

    return measure


def caption_table() -> str:
    """Precision, recall, true words and length of captions by each way of decoding."""
    body = []
    for name, title in TITLES.items():
        stored = lines(f"caption-{name}")
        some = [{**row, "scene": line["key"]} for line in stored for row in line["rows"]]
        for way, label in _WAYS.items():
            if some:
                body.append(
                    [
                        f"{title} ({len(some)})",
                        label,
                        interval(some, _ratio(way, "true", "named")),
                        interval(some, _ratio(way, "found", "objects")),
                        interval(some, _ratio(way, "supported", "claims")),
                        f"{np.mean([row[way]['words'] for row in some]):.1f}",
                        f"{np.mean([row['hidden'] > 0 for row in some]):.0%}",
                    ]
                )
    heads = (
        "model (captions)",
        "decoding",
        "precision",
        "recall",
        "words true",
        "length",
        "doubted",
    )
    return table(heads, body)
