"""A resize along one axis as a few small matrix products instead of a large one full of zeros."""

from collections.abc import Callable

import torch
from jaxtyping import UInt8
from torch import Tensor

from eagle_mllm.models.pixels.resampling import AxisWeights

_BAND = 64
"""Rows or columns of the result that are made together."""


class Bands:
    """The weights of one axis; results are levels, clipped and rounded as Pillow does.

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
            matrix = torch.from_numpy(weights.matrix(band, piece)).to(device)
            self._bands.append((piece.start - source.start, matrix))

    def __call__(self, levels: Tensor, *, axis: int) -> UInt8[Tensor, "batch channels h w"]:
        """Resized along the rows' axis (0) or the columns' (1).

        Args:
            levels: (batch, channels, height, width), whole steps of the 8-bit scale
            axis: which of the two
        """
        return self._joined(levels, axis, as_levels)

    def marked(self, mark: Tensor, *, axis: int) -> Tensor:
        """True where a marked place may change the result."""
        return self._joined(mark, axis, lambda reached: reached != 0, absolute=True)

    def _joined(
        self,
        images: Tensor,
        axis: int,
        finished: Callable[[Tensor], Tensor],
        *,
        absolute: bool = False,
    ) -> Tensor:
        parts = []
        for start, matrix in self._bands:
            weights = matrix.abs() if absolute else matrix
            piece = images.narrow(axis + 2, start, matrix.shape[1]).float()
            parts.append(finished(piece @ weights.T if axis else weights @ piece))
        return torch.cat(parts, dim=axis + 2) if len(parts) > 1 else parts[0]


def as_levels(values: Tensor) -> UInt8[Tensor, "..."]:
    """Clipped to 8 bits and rounded half up, as in Pillow, where such ties are common.

    Args:
        values: in steps of the 8-bit scale; they are overwritten
    """
    return values.add_(0.5).clamp_(0, 255).to(torch.uint8)
