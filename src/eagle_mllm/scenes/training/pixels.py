"""What the image processor of each demo model makes of scenes, done for many at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from eagle_mllm.scenes.world import SIDE

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Scenes = Sequence[UInt8[np.ndarray, "h w 3"]]
"""Pictures of scenes, 224 x 224."""


@dataclass(frozen=True)
class Pixels:
    """Pixel values, and the grid of patches where a model asks for it."""

    values: Tensor
    grid: Tensor | None = None


def halved(images: Scenes) -> Pixels:
    """112 x 112 pixels, for LLaVA."""
    small = [
        np.asarray(Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC))
        for image in images
    ]
    return Pixels(_normalise(np.stack(small), CLIP_MEAN, CLIP_STD))


def whole(images: Scenes) -> Pixels:
    """One tile of 224 x 224 pixels, for InternVL."""
    return Pixels(_normalise(np.stack(images), IMAGENET_MEAN, IMAGENET_STD))


def patches(images: Scenes) -> Pixels:
    """Patches of 14 x 14 pixels, in blocks of two by two and doubled in time, for Qwen2.5-VL."""
    values = _normalise(np.stack(images), CLIP_MEAN, CLIP_STD)
    count, grid = len(images), SIDE // 14
    cut = values.reshape(count, 3, grid // 2, 2, 14, grid // 2, 2, 14)
    cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)[:, :, :, :, :, :, None]
    cut = cut.expand(-1, -1, -1, -1, -1, -1, 2, -1, -1).reshape(count * grid * grid, -1)
    return Pixels(cut, torch.tensor([[1, grid, grid]] * count))


def _normalise(
    images: UInt8[np.ndarray, "batch h w 3"], mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "batch 3 h w"]:
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0
    return (scaled - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
