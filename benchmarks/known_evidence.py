"""Do the maps of the demo models point at the objects, and do evidence words score as such?

For each family, on held-out scenes whose caption the model writes rightly: the map of an object's
shape word should have its maximum inside the object; and words that need eyes should have a
higher evidence score than function words (AUROC over words). Run as

    python benchmarks/known_evidence.py --scenes 40 --out benchmarks/results/known_evidence.json
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import eagle_mllm as eagle
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.provenance import provenance
from eagle_mllm.metrics.localization import pointing_game
from eagle_mllm.scenes.evidence import known_words
from eagle_mllm.scenes.language import CAPTION_PROMPT
from eagle_mllm.scenes.training.architectures import FAMILIES


def measure(model: Model, *, n_scenes: int, max_regions: int) -> dict[str, Any]:
    """Both figures on the first `n_scenes` held-out scenes that the model captions rightly."""
    hits: list[bool] = []
    evidence: list[float] = []
    labels: list[bool] = []
    # The maximum of a map is the first region picked, so one pick is enough to find it.
    first_pick = eagle.Eagle(search=eagle.GreedySearch(max_regions=1))
    method = eagle.Eagle(search=eagle.GreedySearch(max_regions=max_regions))
    seed, used, passes, started = -1, 0, 0, time.perf_counter()
    while used < n_scenes:
        seed += 1
        example = eagle.scenes.scene(seed)
        generation = model.generate(example.image, CAPTION_PROMPT)
        if generation.text != example.caption:
            continue
        used += 1
        regions = eagle.segment(generation.image, n_regions=64)
        known = known_words(example, generation)
        shapes = [item for item in known if item.truth.kind == "shape"]
        chosen = shapes[seed % len(shapes)]
        word = eagle.attribute(
            model,
            generation,
            generation.find(chosen.word.text),
            regions=regions,
            method=first_pick,
        )
        thing = example.objects[chosen.truth.objects[0]]
        hits.append(pointing_game(word.saliency, thing.mask))
        sentence = eagle.attribute(
            model,
            generation,
            generation.all(),
            regions=regions,
            method=method,
        )
        passes += word.forward_passes + sentence.forward_passes
        scores = eagle.modality_reliance(sentence.trace).evidence
        for item in known:
            evidence.append(float(np.mean(scores[list(item.word.tokens)])))
            labels.append(item.truth.is_evidence)
    return {
        "scenes": used,
        "scenes_tried": seed + 1,
        "pointing_hits": int(np.sum(hits)),
        "pointing_game": float(np.mean(hits)),
        "words": len(labels),
        "evidence_words": int(np.sum(labels)),
        "evidence_auroc": eagle.metrics.evidence_auroc(np.array(evidence), np.array(labels)),
        "mean_evidence_of_evidence_words": float(np.mean(np.array(evidence)[labels])),
        "mean_evidence_of_function_words": float(np.mean(np.array(evidence)[~np.array(labels)])),
        "passes": passes,
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Measure every family and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--max-regions", type=int, default=1, help="Picks for a sentence.")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for family in FAMILIES:
        model = eagle.load_model(f"demo/{family}", device="cpu")
        results[family] = measure(
            model, n_scenes=arguments.scenes, max_regions=arguments.max_regions
        )
        print(family, json.dumps(results[family]))
    example = eagle.scenes.scene(0)
    record = provenance(
        model=model.info,
        regions=eagle.segment(np.asarray(example.image), n_regions=64),
        settings={"scenes": arguments.scenes, "max_regions": arguments.max_regions},
    )
    content = {"results": results, "provenance": record}
    arguments.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
