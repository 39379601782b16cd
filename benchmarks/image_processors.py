"""What the pixels of a hidden image cost in each family, without its model.

Image processors with the settings of published checkpoints, on one photograph-sized picture: by the
processor itself, and as a sum of regions.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import transformers as hf
from part import Key, Measurement, Options, Part
from PIL import Image
from speed import quartiles

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.models.pixels.components import ComponentPixels
from eagle_mllm.models.pixels.processor import ProcessorPixels
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.pixels.tracing import traced_pipeline

_SIZE = (480, 640)
_REGIONS = 64
_BATCH = 4


def _square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


_CLIP = {"size": {"shortest_edge": 336}, "crop_size": _square(336)}

PROCESSORS: dict[str, Callable[[], Any]] = {
    "LLaVA 1.5": lambda: hf.CLIPImageProcessorPil(**_CLIP),
    "LLaVA-Next": lambda: hf.LlavaNextImageProcessorPil(**_CLIP),
    "LLaVA-OneVision": hf.LlavaOnevisionImageProcessorPil,
    "Qwen2.5-VL": hf.Qwen2VLImageProcessorPil,
    "Qwen3-VL, Qwen3.5": lambda: hf.Qwen2VLImageProcessorPil(
        patch_size=16, size={"shortest_edge": 65536, "longest_edge": 16777216}
    ),
    "GLM-4.1V": hf.Glm4vImageProcessorPil,
    "GLM-4.6V": hf.Glm46VImageProcessorPil,
    "Gemma 3": lambda: hf.Gemma3ImageProcessorPil(size=_square(896)),
    "Gemma 4": hf.Gemma4ImageProcessorPil,
    "Pixtral, Mistral Small 3": hf.PixtralImageProcessorPil,
    "Idefics3": hf.Idefics3ImageProcessorPil,
    "SmolVLM": lambda: hf.SmolVLMImageProcessorPil(
        size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}
    ),
    "InternVL": lambda: hf.GotOcr2ImageProcessorPil(
        size=_square(448), crop_to_patches=True, max_patches=12
    ),
    "Llama 3.2 Vision": lambda: hf.MllamaImageProcessorPil(size=_square(560), max_image_tiles=4),
}
"""Families → their image processor as published checkpoints set it."""


def _keys(options: Options) -> Iterator[Key]:
    for family in list(PROCESSORS)[: 1 if options.quick else None]:
        yield {"processor": family, "size": f"{_SIZE[1]}x{_SIZE[0]}", "threads": 1}


def _measured(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    torch.set_num_threads(1)
    for key in missing:
        image_processor = PROCESSORS[key["processor"]]()
        info = ModelInfo(
            id=type(image_processor).__name__,
            revision=None,
            family=key["processor"],
            dtype="float32",
            device="cpu",
            details={"torch": torch.__version__, "transformers": hf.__version__},
        )
        yield key, _values(image_processor, rounds=2 if options.quick else 5), info


def _values(image_processor: Any, *, rounds: int) -> dict[str, Any]:
    process, image = partial(_processed, image_processor), _picture()
    regions = segment(image, method="grid", n_regions=_REGIONS)
    start = time.perf_counter()
    pipeline = traced_pipeline(process, _SIZE, batch=lambda _: 0)
    assert pipeline is not None
    learnt = time.perf_counter() - start
    how = {"regions": regions, "fill": "black"}
    fast = ComponentPixels(pipeline, image, device=torch.device("cpu"), **how)
    bound = time.perf_counter() - start - learnt
    exact = ProcessorPixels(process, image, **how)
    shown = np.random.default_rng(0).random((_BATCH, len(regions))) < 0.5
    seconds: dict[str, list[float]] = {"processor": [], "component": []}
    for _ in range(rounds + 1):  # in turn, so that a disturbance meets both; the first warms up
        for name, source in (("processor", exact), ("component", fast)):
            start = time.perf_counter()
            source(shown)
            seconds[name].append((time.perf_counter() - start) / _BATCH)
    return {
        "learn_seconds": learnt,
        "bind_seconds": bound,
        "grey_levels": _difference(fast, exact, shown) / pipeline.grey_level,
        **{f"{name}_seconds": quartiles(values[1:]) for name, values in seconds.items()},
    }


def _processed(image_processor: Any, images: list[RGBImage]) -> Tensors:
    each = [image_processor(images=[Image.fromarray(one)], return_tensors="pt") for one in images]
    names = [name for name, value in each[0].items() if isinstance(value, torch.Tensor)]
    return {name: torch.cat([one[name] for one in each]) for name in names}


def _difference(one: PixelSource, other: PixelSource, shown: Subsets) -> float:
    ours, theirs = (source(shown)["pixel_values"] for source in (one, other))
    return float((ours - theirs).abs().mean())


def _picture() -> RGBImage:
    height, width = _SIZE
    y, x = np.mgrid[:height, :width]
    smooth = [120 + 90 * np.sin(x / 40), 120 + 90 * np.cos(y / 50), (x + y) % 256]
    noise = np.random.default_rng(0).integers(-20, 20, (height, width, 3))
    return (np.stack(smooth, axis=-1) + noise).clip(0, 255).astype(np.uint8)


PIXELS = Part(name="pixels", keys=_keys, measure=_measured)
"""Seconds that the pixels of a hidden image take in each family, by both paths."""
