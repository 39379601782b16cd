"""Which way pixels are made: quickly from region components, or by the image processor itself."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.pixels.components import ComponentPixels
from eagle_mllm.models.pixels.pipeline import PixelPipeline
from eagle_mllm.models.pixels.processor import ProcessorPixels
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.settings import PixelChoice, PixelPath, checked_pixels

_MEAN = 0.01
"""Largest mean difference between the paths, in steps of the 8-bit scale. There is none with the
Pillow that is reproduced; a build with other instructions may break ties otherwise."""

_MOST = 2.0
"""Largest difference of a single value. A tie is one step, and a second resize passes it on."""

_N_COMPARED = 3
"""Subsets that are processed both ways when pixels are bound: all of the image, and some of it."""


class Bound(NamedTuple):
    """Pixels of the subsets of one partition of an image, and how they are made."""

    source: PixelSource
    path: PixelPath
    reason: str | None = None
    """Why it is not components, where they were tried."""


def offered_path(choice: PixelChoice, family: Family) -> PixelPath:
    """The path that is tried first for a family with its image processor.

    Raises:
        ModelError: components are asked for, and the image processor does not use Pillow
    """
    if checked_pixels(choice) == "processor":
        return "processor"
    if family.uses_pillow:
        return "component"
    if choice == "auto":
        return "processor"
    kind = type(family.parts.image_processor).__name__
    raise ModelError(
        f"pixels='component' reproduces Pillow's resize, which {kind} does not use; use "
        "pixels='processor'"
    )


def bind_pixels(
    choice: PixelChoice,
    family: Family,
    prompt: EncodedPrompt,
    *,
    image: RGBImage,
    regions: Regions,
    fill: FillName,
    device: torch.device,
) -> Bound:
    """Pixels of the subsets of one partition of an image.

    Args:
        choice: how they are made; by "auto" from components where these reproduce the image
            processor on this image
        family: of the model
        prompt: the encoded image
        image: the same image
        regions: the partition
        fill: what hidden pixels become
        device: where components live

    Raises:
        ModelError: components are asked for, and give other pixels than the image processor
    """
    process = partial(family.pixels, prompt=prompt)
    views = family.views(image.shape[:2])
    exact = ProcessorPixels(process, image, regions=regions, fill=fill, views=views)
    if offered_path(choice, family) == "processor":
        return Bound(exact, "processor")
    pipeline = family.pixel_pipeline(image.shape[:2])
    if pipeline is None:
        reason = "is not a resize of the whole image and what follows it"
    else:
        fast = ComponentPixels(pipeline, image, regions=regions, fill=fill, device=device)
        found = _disagreement(fast, exact, pipeline, prompt=prompt, n_regions=len(regions))
        if found is None:
            return Bound(fast, "component")
        reason = found
    kind = type(family.parts.image_processor).__name__
    reason = f"what {kind} does with an image of {prompt.size[1]}x{prompt.size[0]} {reason}"
    if choice == "component":
        raise ModelError(
            f"pixels='component' cannot be used: {reason}; load the model with pixels='processor'"
        )
    return Bound(exact, "processor", reason)


def _disagreement(
    fast: PixelSource,
    exact: PixelSource,
    pipeline: PixelPipeline,
    *,
    prompt: EncodedPrompt,
    n_regions: int,
) -> str | None:
    """What differs between the paths on some subsets, in words; None where nothing does."""
    shown = np.random.default_rng(0).random((_N_COMPARED, n_regions)) < 0.5
    shown[0] = True
    for index, row in enumerate(shown[:, np.newaxis]):
        expected = exact(row) if index else dict(prompt.pixels)
        found = _difference(fast(row), expected, pipeline)
        if found is not None:
            return found
    return None


def _difference(ours: Tensors, theirs: Tensors, pipeline: PixelPipeline) -> str | None:
    if ours.keys() != theirs.keys():
        return "gives other arguments for other pictures"
    for name, value in theirs.items():
        made = ours[name].cpu()
        if made.shape != value.shape:
            return f"gives {name} other shapes for other pictures"
        if name not in pipeline.arrangements:
            if not made.equal(value):
                return f"gives other {name} for other pictures"
            continue
        differences = (made - value).abs() / pipeline.grey_level
        mean, most = float(differences.mean()), float(differences.max())
        if not (mean <= _MEAN and most <= _MOST):
            found = f"{mean:.2f} grey levels on average and {most:.0f} at most"
            return f"differs from components by {found}"
    return None
