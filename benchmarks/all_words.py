"""What it costs to explain every word of a caption, together and one by one: held-out scenes.

python benchmarks/all_words.py --scenes 8 --out benchmarks/results/all_words.json
"""

import argparse
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.scenes.language import CAPTION_PROMPT
from eagle_mllm.scenes.training.architectures import FAMILIES


def compare(model: Model, *, seed: int) -> dict[str, Any]:
    """Every word of the caption of one held-out scene, by `attribute_each` and by `attribute`."""
    generation = model.generate(eagle.scenes.scene(seed).image, CAPTION_PROMPT)
    regions = eagle.segment(generation.image, n_regions=64)
    targets = words(generation)
    together = eagle.attribute_each(model, generation, targets, regions=regions)
    apart = [eagle.attribute(model, generation, target, regions=regions) for target in targets]
    return {
        "seed": seed,
        "answer": generation.text,
        "regions": len(regions),
        "words": [target.text for target in targets],
        "together": figures(together),
        "apart": figures(apart),
        "provenance": dict(together[0].provenance),
    }


def words(generation: Generation) -> list[Target]:
    """One target a word, marks left out."""
    positions = [word.tokens for word in generation.words if word.text.strip(".,")]
    return [generation.at(tokens[0], tokens[-1] + 1) for tokens in positions]


def figures(attributions: Sequence[Attribution]) -> dict[str, Any]:
    """Passes and seconds of all words, and how faithful each one's explanation is."""
    gaps = [eagle.metrics.faithfulness_gap(one.trace) for one in attributions]
    return {
        "passes": sum(one.forward_passes for one in attributions),
        "seconds": round(sum(one.seconds for one in attributions), 2),
        "gaps": gaps,
        "mean_gap": float(np.mean(gaps)),
    }


def shares(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Gap and passes of the words together, as shares of those of the words one by one."""
    return {
        name: sum(row["together"][name] for row in rows) / sum(row["apart"][name] for row in rows)
        for name in ("mean_gap", "passes")
    }


def main() -> None:
    """Compare on the first scenes with every family and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    for family in arguments.family or FAMILIES:
        model = eagle.load_model(f"demo/{family}", device="cpu", dtype="bfloat16", batch_size=32)
        rows = [compare(model, seed=seed) for seed in range(arguments.scenes)]
        results[family] = {"scenes": rows, "shares": shares(rows)}
        print(family, results[family]["shares"])
    machine = {"processor": platform.processor() or platform.machine()}
    machine |= {"threads": str(torch.get_num_threads()), "system": platform.platform()}
    content = {"machine": machine, "results": results}
    arguments.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
