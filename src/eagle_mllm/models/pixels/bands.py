"""A resize along one axis as a few small matrix products instead of a large one full of zeros."""

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from eagle_mllm.models.pixels.resampling import UNIT, AxisWeights

_DIGITS = UNIT.bit_length() - 1

_PART = 2**11
"""Weights are taken apart here: in units of it, and what remains."""

_BAND = 64
"""Rows or columns of the result that are made together."""


class Bands:
    """The weights of one axis; results are Pillow's own levels, to the bit.

    A row of the result needs the source rows under the filter alone, so a band of them needs a
    short piece of the source.

    Args:
        weights: of the axis
        target: which part of the result is made
        source: which part of the source there is
        device: where images are
    """

    def __init__(
        self, weights: AxisWeights, *, target: slice, source: slice, device: torch.device
    ) -> None:
        self._bands = []
        for start in range(target.start, target.stop, _BAND):
            band = slice(start, min(start + _BAND, target.stop))
            needed = weights.needed(band)
            piece = slice(max(needed.start, source.start), min(needed.stop, source.stop))
            units = weights.units(band, piece)
            # In two parts, whose products with levels are whole numbers that float32 can hold.
            coarse = np.floor(units / _PART)
            parts = (torch.from_numpy(part).float() for part in (coarse, units - _PART * coarse))
            self._bands.append((piece.start - source.start, *(part.to(device) for part in parts)))

    def __call__(self, levels: Tensor, *, axis: int) -> UInt8[Tensor, "batch channels h w"]:
        """Resized along the rows' axis (0) or the columns' (1).

        Args:
            levels: (batch, channels, height, width), whole steps of the 8-bit scale
            axis: which of the two
        """
        parts = []
        for start, coarse, fine in self._bands:
            piece = levels.narrow(axis + 2, start, coarse.shape[1]).float()
            large, small = (_along(axis, part, piece).int() for part in (coarse, fine))
            parts.append(as_levels(large.mul_(_PART).add_(small)))
        return torch.cat(parts, dim=axis + 2) if len(parts) > 1 else parts[0]

    def marked(self, mark: Tensor, *, axis: int) -> Tensor:
        """True where a marked place may change the result."""
        parts = []
        for start, coarse, fine in self._bands:
            weights = ((coarse != 0) | (fine != 0)).float()
            piece = mark.narrow(axis + 2, start, coarse.shape[1]).float()
            parts.append(_along(axis, weights, piece) > 0)
        return torch.cat(parts, dim=axis + 2) if len(parts) > 1 else parts[0]


def as_levels(sums: Int[Tensor, "..."]) -> UInt8[Tensor, "..."]:
    """Rounded half up and clipped to 8 bits, as Pillow does.

    Args:
        sums: of levels times whole weights; they are overwritten
    """
    return sums.add_(UNIT // 2).bitwise_right_shift_(_DIGITS).clamp_(0, 255).to(torch.uint8)


def _along(axis: int, matrix: Tensor, images: Tensor) -> Tensor:
    """A matrix over the rows (0) or the columns (1) of images (batch, channels, height, width)."""
    return images @ matrix.T if axis else matrix @ images
