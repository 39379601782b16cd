"""What an image processor does to the pixels of an image, step by step, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from eagle_mllm.models.pixels.arrangement import Arrangement, Constant
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


class Step(NamedTuple):
    """A resize of the image, or of what an earlier step made of it."""

    source: int | None
    """Which step is resized; None is the image itself."""

    view: View
    """The size after the resize, and the part of it that is needed."""

    resample: int
    """The filter, in Pillow's numbering."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelPipeline:
    """From an image to the pixel arguments of a model.

    The image is resized, some results are resized again, and some are scaled and normalised: those
    are the views. What the model's forward takes is made of their values by putting them elsewhere,
    as crops, tiles and patches.
    """

    steps: tuple[Step, ...]
    """Resizes, in the order in which they are made."""

    shown: tuple[int, ...]
    """Which steps are views, ascending."""

    gains: tuple[Float[Tensor, "3 1 1"], ...]
    """Factor on the 8-bit values, for each view and channel."""

    shifts: tuple[Float[Tensor, "3 1 1"], ...]
    """Added after that."""

    by_pixel: bool
    """Whether flattened views have the channels of a pixel next to each other, or a channel's rows;
    whichever keeps more values together."""

    arrangements: Mapping[str, Arrangement]
    """How each argument that depends on the image is put together from the views."""

    constants: Mapping[str, Constant]
    """The other arguments, which are the same for all images of one size."""

    @property
    def views(self) -> tuple[View, ...]:
        """What the model gets to see of the image, such as its tiles and a thumbnail."""
        return tuple(self.steps[index].view for index in self.shown)

    def finish(self, levels: Sequence[UInt8[Tensor, "..."]]) -> Tensors:
        """Pixel arguments of a batch.

        Args:
            levels: of each view, (batch, 3, height, width), on the 8-bit scale
        """
        return self.arrange(
            [
                level.float().mul_(gain).add_(shift)
                for level, gain, shift in zip(levels, self.gains, self.shifts, strict=True)
            ]
        )

    def arrange(self, views: Sequence[Float[Tensor, "..."]]) -> Tensors:
        """The same of normalised views."""
        flat = self._flat(views)
        made = {name: one(flat) for name, one in self.arrangements.items()}
        return made | {name: one(len(flat)) for name, one in self.constants.items()}

    def touched(self, marks: Sequence[Bool[Tensor, "1 1 _ _"]]) -> Bool[Tensor, " rows"]:
        """Which rows of an image's `pixel_values`, such as tiles, hold a marked place.

        Args:
            marks: of each view, true where it is marked
        """
        flat = self._flat([mark.expand(-1, 3, -1, -1).float() for mark in marks])
        return self.arrangements["pixel_values"](flat, padding=False).flatten(1).any(dim=1)

    def _flat(self, views: Sequence[Tensor]) -> Tensor:
        if self.by_pixel:
            views = [view.permute(0, 2, 3, 1) for view in views]
        flat = [view.flatten(1) for view in views]
        return flat[0] if len(flat) == 1 else torch.cat(flat, dim=1)

    def to(self, device: torch.device) -> "PixelPipeline":
        """The same for views on another device."""
        return replace(
            self,
            gains=tuple(gain.to(device) for gain in self.gains),
            shifts=tuple(shift.to(device) for shift in self.shifts),
            arrangements={name: one.to(device) for name, one in self.arrangements.items()},
            constants={name: one.to(device) for name, one in self.constants.items()},
        )

    @property
    def is_padded(self) -> bool:
        """Whether the model gets more than views, such as a border around one."""
        return any(len(one.padded) > 0 for one in self.arrangements.values())

    @property
    def grey_level(self) -> float:
        """One step of the 8-bit scale in the units of the pixel arguments, over the channels."""
        return sum(float(gain.mean()) for gain in self.gains) / len(self.gains)
