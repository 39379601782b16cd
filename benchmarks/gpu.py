"""Seconds per pass on an accelerator, for the shapes of the paper's models, and per baseline.

Weights are random, so nothing is downloaded and no answer means anything; what a pass costs is
that of the real model. `--quick` runs the same code on narrow models on the CPU.

The operations of a pass are counted from the shape of the model: two for each multiplication of a
weight with a token or patch, and two products of queries, keys and values in each attention, over
all pairs (a causal kernel may skip half of them). The vocabulary's head counts for the rows of the
target alone: what a loop computes beyond that lowers its utilisation.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import groupby, islice
from operator import itemgetter
from time import perf_counter
from typing import Any

import costs
import numpy as np
import torch
from gpu_variants import BATCH, VARIANTS, variants_of
from part import Key, Measurement, Options, Part
from reference import ReferenceScorer
from samples import greedy_subsets
from shapes import SHAPES, Shape, build, tiny, wrapped
from speed import quartiles
from torch import nn

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.method import AttributionMethod
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import ModelError
from eagle_mllm.models.huggingface import HuggingFaceModel

BATCHES = (1, 2, 4, 8, 16, 32)
TINY_BATCHES = (1, 4)
BASELINE_BATCH = 8

SCORERS = ("reference", "ours")
"""The sides that are loops over subsets, beside `VARIANTS` of ours; the others are baselines, whose
explanations are timed."""

PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0}
"""Dense bfloat16 peak by a part of the device's name, from the makers' data sheets."""

_REGIONS = 64
_CALLS = 4
"""Timed calls; ours score as many subsets in each as the largest batch has."""

_ANSWER = "A large green circle above a small red cross."


def _keys(options: Options) -> Iterator[Key]:
    batches = TINY_BATCHES if options.quick else BATCHES
    sides = [("reference", 1), *(("ours", batch) for batch in batches)]
    dtype = "float32" if options.quick else "bfloat16"
    baselines = [method for method in costs.methods(quick=options.quick) if method != "eagle"]
    sides += [(method, BASELINE_BATCH) for method in baselines]
    for name in options.shapes or SHAPES:
        variants = [(side, BATCH) for side in variants_of(name, quick=options.quick)]
        for side, batch in [*sides, *variants]:
            yield {"shape": name, "dtype": dtype, "side": side, "batch": batch}


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    if not options.quick and not torch.cuda.is_available():
        raise SystemExit("found no CUDA device; --quick runs narrow models on the CPU")
    device = torch.device("cpu" if options.quick else "cuda")
    for name, keys in groupby(missing, key=itemgetter("shape")):
        shape = tiny(SHAPES[name]) if options.quick else SHAPES[name]
        yield from _measure_shape(shape, keys, device=device)


def _measure_shape(
    shape: Shape, keys: Iterator[Key], *, device: torch.device
) -> Iterator[Measurement]:
    """A row per key; the weights are built for the first and freed after the last."""
    parts = None
    for key in keys:
        parts = parts or build(shape, device=device, dtype=getattr(torch, key["dtype"]))
        variant = VARIANTS.get(key["side"])
        compiles = variant is not None and variant.compile
        model = wrapped(parts, batch_size=key["batch"], compile=compiles)
        generation = sample(model, shape)
        regions = eagle.segment(generation.image, method="grid", n_regions=_REGIONS)
        facts = lengths(model, generation)
        weights = {"weights_gib": round(_bytes(model.module) / 2**30, 3)}
        if key["side"] in SCORERS or variant is not None:
            with nullcontext() if variant is None else variant.changed(model):
                found = _measured(key, model, generation, regions)
            found["utilisation"] = _utilisation(found["seconds"], facts["tflops"], device)
        else:
            method = costs.methods(quick=device.type == "cpu")[key["side"]]
            found = _explained(method, model, generation, regions)
        yield key, {**facts, **weights, **found}, model.info


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
    key: Key, model: HuggingFaceModel, generation: Generation, regions: Regions
) -> dict[str, Any]:
    """Seconds per pass and peak memory; no seconds where a batch of this size does not fit."""
    target = generation.all()
    _forget_peak()
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


def _explained(
    method: AttributionMethod, model: HuggingFaceModel, generation: Generation, regions: Regions
) -> dict[str, Any]:
    """Seconds, passes and peak memory of one explanation by a baseline, trace included."""
    _forget_peak()
    try:
        # The first of two warms up.
        _, found = (
            eagle.attribute(model, generation, generation.all(), regions=regions, method=method)
            for _ in range(2)
        )
    except (torch.OutOfMemoryError, ModelError) as error:
        print("gpu", method.name, error)
        return {"explanation_seconds": None, "peak_gib": _peak_gib()}
    return {
        "explanation_seconds": round(found.seconds, 3),
        "passes": found.forward_passes,
        "backward": costs.backward(method),
        "peak_gib": _peak_gib(),
    }


def _forget_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _seconds(score: Callable[[np.ndarray], Any], regions: Regions, *, size: int) -> list[float]:
    """Quartiles of seconds per pass; each call scores new subsets and fetches their scores."""
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


GPU = Part(name="gpu", keys=_keys, measure=_measure)
"""The reference's loop, ours at each batch size, then every baseline, for each shape."""

# --- operations --------------------------------------------------------------------------------


def flops_per_pass(
    module: Any, *, length: int, rows: int, patches: int, image_tokens: int
) -> float:
    """Operations for one image.

    Args:
        module: a model of one of the three families
        length: ids up to the last target, image tokens among them
        rows: target tokens
        patches: patches of the image, over all its tiles
        image_tokens: tokens that the language model gets for them
    """
    core = module.model
    tower = core.visual if hasattr(core, "visual") else core.vision_tower
    connector = core.visual.merger if hasattr(core, "visual") else core.multi_modal_projector
    text = module.config.get_text_config()
    vision_weights = _weights(tower)
    if hasattr(core, "visual"):
        vision_weights -= _weights(connector)
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    products = 2 * (
        _weights(core.language_model) * length
        + vision_weights * patches
        + _weights(connector) * image_tokens
        + text.vocab_size * text.hidden_size * rows
    )
    attention = 4 * text.num_hidden_layers * length**2 * width * text.num_attention_heads
    return float(products + attention + _vision_attention(module.config.vision_config, patches))


def _weights(module: nn.Module) -> int:
    """Numbers in the matrices of linear layers and patch embeddings."""
    kinds = (nn.Linear, nn.Conv2d, nn.Conv3d)
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, kinds))


def _vision_attention(vision: Any, patches: int) -> float:
    """All patches of a tile with each other; Qwen2.5-VL mostly within windows."""
    if hasattr(vision, "fullatt_block_indexes"):
        window = (vision.window_size // vision.patch_size) ** 2
        full = len(vision.fullatt_block_indexes)
        pairs = patches * (full * patches + (vision.depth - full) * min(window, patches))
        return float(4 * pairs * vision.hidden_size)
    tile = patches_of_tile(vision)
    return float(4 * vision.num_hidden_layers * patches * tile * vision.hidden_size)


def patches_of_tile(vision: Any) -> int:
    """Patches of one image of the tower's size."""
    size, patch = (
        value if isinstance(value, list | tuple) else (value, value)
        for value in (vision.image_size, vision.patch_size)
    )
    return int((size[0] // patch[0]) * (size[1] // patch[1]))
