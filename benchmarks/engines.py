"""How a served model agrees with the same checkpoint in this process, and how fast it scores.

    python benchmarks/engines.py http://127.0.0.1:8000 --checkpoint demo

Adds one row to `benchmarks/results/engines.json`: probabilities of every token of a caption under
hidden versions of a scene, an explanation of that caption side by side, and the requests of one
that was interrupted half-way and started again.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from store import RESULTS, ResultFile, run_record

from eagle_mllm import metrics
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.method import Eagle, attribute
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.connecting import connect
from eagle_mllm.errors import ModelError
from eagle_mllm.loading import load_model
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.language import CAPTION_PROMPT

N_REGIONS = 16
N_MASKS = 32
BUDGET = 64
LEADING = 4
"""First regions of an order that are compared."""


def main() -> None:
    """Measure one server."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--checkpoint", required=True, help="as load_model takes it")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scene", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    local = load_model(chosen.checkpoint, pixels="processor", batch_size=1)

    def connected(**options: Any) -> Any:
        options = {"cache": None, **options}
        return connect(
            chosen.url,
            checkpoint=chosen.checkpoint,
            agreement=False,
            engine=chosen.engine,
            **options,
        )

    served = connected()
    image = np.asarray(scene(chosen.scene).image)
    generation = local.generate(image, CAPTION_PROMPT)
    regions = segment(image, n_regions=N_REGIONS)
    row = {
        "engine": served.info.details["engine"],
        "model": chosen.checkpoint,
        "scene": chosen.scene,
        "noise": float(served.info.details["noise"]),
        "same_answer": served.generate(image, CAPTION_PROMPT).ids == generation.ids,
        **agreement(served, local, generation, regions),
        **side_by_side(served, local, generation, regions),
        **interrupted(connected, generation, regions),
        "load": round(os.getloadavg()[0], 1),
    }
    settings = {"regions": len(regions), "masks": N_MASKS, "budget": BUDGET}
    file = ResultFile(chosen.out / "engines.json", key=("engine", "model", "scene"))
    file.add(row, run=run_record(served.info, settings=settings))


def agreement(
    served: Model, local: Model, generation: Generation, regions: Regions
) -> dict[str, Any]:
    """Differences of probabilities, and passes a second of both."""
    target = generation.all(include_eos=True)
    shown = np.random.default_rng(0).random((N_MASKS, len(regions))) < 0.5
    shown[0], shown[-1] = True, False
    found, rates = [], []
    for model in (served, local):
        scorer = model.scorer(generation, target, regions)
        scorer(shown[:1])
        start = perf_counter()
        found.append(scorer(shown))
        rates.append(N_MASKS / (perf_counter() - start))
    theirs, ours = found
    apart = np.abs(theirs.probability - ours.probability)
    return {
        "tokens": len(target),
        "largest": float(apart.max()),
        "mean": float(apart.mean()),
        "same_arg_max": float((theirs.predicted == ours.predicted).mean()),
        "served_per_second": round(rates[0], 2),
        "local_per_second": round(rates[1], 2),
    }


def side_by_side(
    served: Model, local: Model, generation: Generation, regions: Regions
) -> dict[str, Any]:
    """A caption explained by both."""
    theirs, ours = (explained(model, generation, regions) for model in (served, local))
    return {
        "caption": generation.text,
        "orders": [theirs.trace.order.tolist(), ours.trace.order.tolist()],
        "same_leading": len(
            set(theirs.trace.order[:LEADING].tolist()) & set(ours.trace.order[:LEADING].tolist())
        ),
        "insertion_auc": [metrics.insertion_auc(one.trace) for one in (theirs, ours)],
        "deletion_auc": [metrics.deletion_auc(one.trace) for one in (theirs, ours)],
        "passes": [theirs.forward_passes, ours.forward_passes],
    }


def interrupted(
    connected: Callable[..., Any], generation: Generation, regions: Regions
) -> dict[str, Any]:
    """Requests of an explanation that its budget cut, and of the same once more and again."""
    requests = []
    with tempfile.TemporaryDirectory() as folder:
        for most in (BUDGET // 2, None, None):
            model = connected(cache=folder, max_requests=most)
            try:
                explained(model, generation, regions)
            except ModelError:
                assert most is not None, "only the first one has a budget"
            requests.append(model.usage.requests)
    return {"requests_cut_resumed_repeated": requests}


def explained(model: Model, generation: Generation, regions: Regions) -> Attribution:
    """The whole caption, by a search of few passes."""
    method = Eagle(search=MultilevelSearch(budget=BUDGET))
    return attribute(model, generation, generation.all(), method=method, regions=regions)


if __name__ == "__main__":
    main()
