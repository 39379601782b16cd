"""Which way pixels are made: quickly from region components, or by the image processor itself."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.pixels.components import ComponentPixels
from eagle_mllm.models.pixels.pipeline import PixelPipeline
from eagle_mllm.models.pixels.processor import ProcessorPixels
from eagle_mllm.models.pixels.source import PixelSource
from eagle_mllm.models.settings import PixelChoice, PixelPath, checked_pixels

_TOLERANCE = 2.0
"""Mean difference between the paths, in steps of the 8-bit scale. A tenth of it is usual."""

_ANY_SIZE = (64, 64)


def chosen_path(choice: PixelChoice, family: Family) -> PixelPath:
    """The path that a choice means for a family with its image processor.

    Raises:
        ModelError: components are asked for, and cannot reproduce the image processor
    """
    if checked_pixels(choice) == "processor":
        return "processor"
    if family.pixel_pipeline(_ANY_SIZE) is not None:
        return "component"
    if choice == "auto":
        return "processor"
    raise ModelError(
        f"pixels='component' cannot reproduce {type(family.parts.image_processor).__name__} with "
        f"the settings of this {family.name} checkpoint; use pixels='processor'"
    )


def bind_pixels(
    path: PixelPath,
    family: Family,
    prompt: EncodedPrompt,
    *,
    image: RGBImage,
    regions: Regions,
    fill: FillName,
    device: Any,
) -> PixelSource:
    """Pixels of the subsets of one partition of an image.

    Args:
        path: how they are made
        family: of the model
        prompt: the encoded image
        image: the same image
        regions: the partition
        fill: what hidden pixels become
        device: where components live

    Raises:
        ModelError: components give other pixels than the image processor gave for the image
    """
    pipeline = family.pixel_pipeline(image.shape[:2]) if path == "component" else None
    if pipeline is None:
        process = partial(family.pixels, prompt=prompt)
        views = family.views(image.shape[:2])
        return ProcessorPixels(process, image, regions=regions, fill=fill, views=views)
    pixels = ComponentPixels(pipeline, image, regions=regions, fill=fill, device=device)
    everything = pixels(np.ones((1, len(regions)), bool))
    _require_agreement(everything, prompt.pixels, pipeline)
    return pixels


def _require_agreement(
    ours: Mapping[str, Tensor], processed: Mapping[str, Tensor], pipeline: PixelPipeline
) -> None:
    """Never score other pixels than the model is meant to get, whatever its processor does."""
    values, expected = ours["pixel_values"].cpu(), processed["pixel_values"]
    if values.shape != expected.shape:
        found = f"are of shape {tuple(values.shape)} instead of {tuple(expected.shape)}"
    else:
        difference = float((values - expected).abs().mean()) / pipeline.grey_level
        if difference <= _TOLERANCE:
            return
        found = f"differ by {difference:.1f} grey levels on average"
    raise ModelError(
        f"pixels='component' does not reproduce the image processor of this model: its pixels "
        f"{found}; load the model with pixels='processor'"
    )
