"""Seconds a pass on an accelerator, for the real shapes of the paper's models.

    python benchmarks/gpu.py                       every shape, batch 1 to 32, on CUDA
    python benchmarks/gpu.py --shape qwen2.5-vl-7b
    python benchmarks/gpu.py --tiny                the same code on the CPU in seconds

Weights are random, so nothing is downloaded and no answer means anything; what a pass costs is
that of the real model. Each measurement is a line of `gpu.json`, and is made once.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from flops import flops_per_pass, patches_of_tile
from machine import run_record
from reference import ReferenceScorer
from shapes import SHAPES, Shape, build, tiny, wrapped
from speed import greedy_subsets, quartiles
from store import ResultFile

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import ModelError
from eagle_mllm.models.huggingface import HuggingFaceModel

ROOT = Path(__file__).parents[1]
KEY = ("shape", "dtype", "side", "batch")
BATCHES = (1, 2, 4, 8, 16, 32)
TINY_BATCHES = (1, 4)

PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0}
"""Dense bfloat16 peak by a part of the device's name, from the makers' data sheets."""

_REGIONS = 64
_CALLS = 4
"""Timed calls; ours score as many subsets in each as the largest batch has."""
_ANSWER = "A large green circle above a small red cross."


def measure(
    name: str,
    shape: Shape,
    *,
    file: ResultFile,
    device: torch.device,
    dtype: str,
    batches: Sequence[int],
) -> None:
    """The reference's loop, then ours at each batch size; a row each, and only those missing."""
    sides: list[tuple[str, int]] = [("reference", 1), *(("ours", batch) for batch in batches)]
    keys: list[dict[str, Any]] = [
        {"shape": name, "dtype": dtype, "side": side, "batch": batch} for side, batch in sides
    ]
    if all(key in file for key in keys):
        return
    parts = build(shape, device=device, dtype=getattr(torch, dtype))
    weights = _bytes(parts["module"]) / 2**30
    for key in keys:
        if key in file:
            continue
        model = wrapped(parts, batch_size=key["batch"])
        generation = sample(model, shape)
        regions = eagle.segment(generation.image, method="grid", n_regions=_REGIONS)
        facts = lengths(model, generation)
        found = _measured(key, model, generation, regions)
        row = {**key, **facts, "weights_gib": round(weights, 3), **found}
        row["utilisation"] = _utilisation(found["seconds"], facts["tflops"], device)
        file.add(row, run=run_record(model.info, settings={"dtype": dtype}))
        print("gpu", row, flush=True)


def sample(model: HuggingFaceModel, shape: Shape) -> Generation:
    """A noise image and an answer, the prompt repeated until the text has its usual length."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, size=(*shape.image, 3), dtype=np.uint8)
    prompt = sentence = "Describe the image."
    while True:
        generation = model.with_answer(image, prompt, _ANSWER)
        found = lengths(model, generation)
        if found["tokens"] - found["image_tokens"] >= shape.text_tokens:
            return generation
        prompt = f"{prompt} {sentence}"


def lengths(model: HuggingFaceModel, generation: Generation) -> dict[str, Any]:
    """Tokens of one pass, and the operations that they need."""
    prompt = model.family.encode(generation.image, generation.prompt)
    target = generation.all()
    image_tokens = prompt.ids.count(int(model.module.config.image_token_id))
    length = len(prompt.ids) + max(target.positions)
    if "image_grid_thw" in prompt.pixels:
        patches = int(prompt.pixels["image_grid_thw"].prod())
    else:
        tile = patches_of_tile(model.module.config.vision_config)
        patches = tile * len(prompt.pixels["pixel_values"])
    flops = flops_per_pass(
        model.module, length=length, rows=len(target), patches=patches, image_tokens=image_tokens
    )
    return {
        "tokens": length,
        "image_tokens": image_tokens,
        "patches": patches,
        "tflops": float(f"{flops / 1e12:.4g}"),
    }


def _measured(
    key: Mapping[str, Any], model: HuggingFaceModel, generation: Generation, regions: Regions
) -> dict[str, Any]:
    """Seconds a pass and peak memory; no seconds where a batch of this size does not fit."""
    target = generation.all()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        if key["side"] == "reference":
            reference = ReferenceScorer(model, generation, target, regions=regions)
            seconds = _seconds(lambda shown: [reference(row) for row in shown], regions, size=8)
        else:
            scorer = model.scorer(generation, target, regions)
            seconds = _seconds(scorer, regions, size=max(BATCHES))
            if scorer.preferred_batch_size < key["batch"]:  # it halved itself: memory ran out
                seconds = None
    except (torch.OutOfMemoryError, ModelError) as error:
        print("gpu", key, error)
        seconds = None
    return {"seconds": seconds, "peak_gib": _peak_gib()}


def _seconds(score: Callable[[np.ndarray], Any], regions: Regions, *, size: int) -> list[float]:
    """Quartiles of seconds a pass; every call scores new subsets, and brings scores to the host."""
    times = []
    for shown in islice(greedy_subsets(len(regions), size), _CALLS + 1):
        start = perf_counter()
        score(shown)
        times.append((perf_counter() - start) / len(shown))
    return quartiles(times[1:])  # the first call warms up


def _utilisation(
    seconds: Sequence[float] | None, tflops: float, device: torch.device
) -> float | None:
    """Share of the device's peak; None where it is not known."""
    if seconds is None or device.type != "cuda":
        return None
    name = torch.cuda.get_device_name()
    peaks = [peak for part, peak in PEAK_TFLOPS.items() if part in name]
    return round(tflops / seconds[1] / peaks[0], 4) if peaks else None


def _peak_gib() -> float | None:
    if not torch.cuda.is_available():
        return None
    return round(torch.cuda.max_memory_allocated() / 2**30, 3)


def _bytes(module: torch.nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in module.parameters())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the shapes asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", action="append", choices=SHAPES, help="may be repeated")
    parser.add_argument("--tiny", action="store_true", help="narrow models on the CPU")
    parser.add_argument("--out", type=Path, help="folder of the results")
    chosen = parser.parse_args(arguments)
    if not chosen.tiny and not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device here; --tiny runs on the CPU")
    default = ROOT / "build" / "bench" if chosen.tiny else ROOT / "benchmarks" / "results"
    file = ResultFile((chosen.out or default) / "gpu.json", key=KEY)
    device, dtype = ("cpu", "float32") if chosen.tiny else ("cuda", "bfloat16")
    for name in chosen.shape or SHAPES:
        shape = tiny(SHAPES[name]) if chosen.tiny else SHAPES[name]
        measure(
            name,
            shape,
            file=file,
            device=torch.device(device),
            dtype=dtype,
            batches=TINY_BATCHES if chosen.tiny else BATCHES,
        )


if __name__ == "__main__":
    main()
