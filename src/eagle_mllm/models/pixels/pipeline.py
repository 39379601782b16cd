"""What an image processor does to the pixels of an image, step by step, as plain data."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from eagle_mllm.models.pixels.resampling import is_reproducible
from eagle_mllm.models.pixels.source import Tensors


class View(NamedTuple):
    """One resized version of the image, and the part of it that the model gets."""

    size: tuple[int, int]
    """Height and width after the resize."""

    rows: slice
    """Rows of the resized image that are kept."""

    columns: slice
    """Columns that are kept."""

    @classmethod
    def whole(cls, size: tuple[int, int]) -> "View":
        """All of the resized image."""
        return cls(size, slice(0, size[0]), slice(0, size[1]))

    @classmethod
    def centre(cls, size: tuple[int, int], crop: tuple[int, int]) -> "View":
        """The centre of the resized image, cut as transformers cuts it."""
        (top, left) = ((length - kept) // 2 for length, kept in zip(size, crop, strict=True))
        return cls(size, slice(top, top + crop[0]), slice(left, left + crop[1]))

    def corner(self, height: int, width: int) -> "View":
        """The upper left part of what is kept, in pixels of the resized image."""
        top, left = self.rows.start, self.columns.start
        return View(self.size, slice(top, top + height), slice(left, left + width))

    def places(
        self, size: tuple[int, int]
    ) -> tuple[Float[np.ndarray, " h"], Float[np.ndarray, " w"]]:
        """Where the centres of an image's rows and columns are, as a share of the kept part.

        A pixel is kept where both its row's and its column's place is in [0, 1).

        Args:
            size: height and width of the image before the resize
        """
        down, across = (
            ((np.arange(source) + 0.5) * resized / source - kept.start) / (kept.stop - kept.start)
            for source, resized, kept in zip(
                size, self.size, (self.rows, self.columns), strict=True
            )
        )
        return down, across


@dataclass(frozen=True, kw_only=True)
class PixelPipeline:
    """From an image to the pixel arguments of a model.

    The image is resized to each view, scaled and normalised, and the views are put into the shape
    that the model's forward takes.
    """

    views: tuple[View, ...]
    """What the model gets to see of the image, such as its tiles and a thumbnail."""

    resample: int
    """The resize filter, in Pillow's numbering."""

    scale: float
    """Factor on the 8-bit values."""

    mean: tuple[float, ...]
    """Subtracted after scaling, for each channel or for all."""

    std: tuple[float, ...]
    """Divided by after that."""

    arrange: Callable[[Sequence[Tensor]], Tensors]
    """From views, each (batch, 3, height, width), to keyword arguments of the model's forward."""

    def finish(self, views: Sequence[Tensor]) -> Tensors:
        """Pixel arguments of views in 8-bit values; what the filter overshot is clipped.

        Values are rounded half up, as in Pillow: where an image is halved, such ties are common.

        Args:
            views: (batch, 3, height, width) each, in float32; they are overwritten
        """
        gain, shift = self.gain_and_shift()
        return self.arrange(
            [
                view.clamp_(0, 255).add_(0.5).floor_().mul_(gain.to(view)).add_(shift.to(view))
                for view in views
            ]
        )

    def gain_and_shift(self) -> tuple[Tensor, Tensor]:
        """What 8-bit values are multiplied by, and what is added then; for each channel."""
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        return self.scale / std, -mean / std

    @property
    def grey_level(self) -> float:
        """One step of the 8-bit scale in the units of the pixel arguments, over the channels."""
        return self.scale * sum(1 / std for std in self.std) / len(self.std)


def resizes_as(image_processor: Any, known: Collection[str]) -> bool:
    """Whether an image processor is of a known class and resizes.

    Args:
        image_processor: of transformers, by Pillow (`...Pil`) or by torchvision
        known: names of classes, without the `Pil`
    """
    kind = type(image_processor).__name__.removesuffix("Pil")
    return kind in known and bool(image_processor.do_resize)


def level_settings(image_processor: Any) -> dict[str, Any] | None:
    """The arguments of `PixelPipeline` that say how values are resized and normalised.

    Returns:
        None if the image processor does not use Pillow, or not by a filter known here
    """
    by_pillow = type(image_processor).__name__.endswith("Pil")
    if not by_pillow or not is_reproducible(image_processor.resample):
        return None
    normalised = image_processor.do_normalize
    return {
        "resample": int(image_processor.resample),
        "scale": float(image_processor.rescale_factor) if image_processor.do_rescale else 1.0,
        "mean": _channels(image_processor.image_mean) if normalised else (0.0,),
        "std": _channels(image_processor.image_std) if normalised else (1.0,),
    }


def setting_size(setting: Any) -> dict[str, int]:
    """A size of an image processor, which is a dictionary or something like it."""
    return {name: int(value) for name, value in dict(setting or {}).items() if value is not None}


def _channels(values: Any) -> tuple[float, ...]:
    return tuple(map(float, values)) if isinstance(values, Collection) else (float(values),)
