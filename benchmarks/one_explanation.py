"""What one exact explanation of a sentence costs: 64 regions asked, every demo model.

python benchmarks/one_explanation.py --out benchmarks/results/one_explanation.json
"""

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import torch

import eagle_mllm as eagle
from eagle_mllm.scenes.language import CAPTION_PROMPT
from eagle_mllm.scenes.training.architectures import FAMILIES


def explain(family: str, *, seed: int, pixels: str) -> dict[str, Any]:
    """Exact greedy search on the caption of one held-out scene."""
    model = eagle.load_model(f"demo/{family}", device="cpu", pixels=pixels)
    generation = model.generate(eagle.scenes.scene(seed).image, CAPTION_PROMPT)
    attribution = eagle.attribute(model, generation, generation.all(), n_regions=64)
    return {
        "answer": generation.text,
        "regions": len(attribution.regions),
        "tokens": len(attribution.target),
        "passes": attribution.forward_passes,
        "seconds": round(attribution.seconds, 2),
        "insertion_auc": eagle.metrics.insertion_auc(attribution.trace),
        "deletion_auc": eagle.metrics.deletion_auc(attribution.trace),
        "provenance": dict(attribution.provenance),
    }


def main() -> None:
    """Explain once with every family and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pixels", default="auto")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    results = {
        family: explain(family, seed=arguments.seed, pixels=arguments.pixels) for family in FAMILIES
    }
    machine = {"processor": platform.processor() or platform.machine()}
    machine |= {"threads": str(torch.get_num_threads()), "system": platform.platform()}
    content = {"machine": machine, "seed": arguments.seed, "results": results}
    arguments.out.write_text(json.dumps(content, indent=2) + "\n")
    for family, row in results.items():
        print(family, row["passes"], "passes", row["seconds"], "s")


if __name__ == "__main__":
    main()
