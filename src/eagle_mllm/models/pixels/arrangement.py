"""How an argument of a model is put together from views: where each comes from."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrangement:
    """One argument of an image as a list of places in its flattened views.

    Values that are next to each other in the views mostly stay so, in rows of patches or of tiles,
    and are moved as blocks.
    """

    shape: tuple[int, ...]
    """Of the argument for one image."""

    batch: int
    """The dimension along which the images of a batch are joined."""

    block: int
    """How many values are moved together."""

    places: Int[Tensor, " blocks"]
    """Which block of the views each block of the argument is; any where it is padding."""

    padded: Int[Tensor, " padded"]
    """Which blocks are padding, which is in no view."""

    padding: Float[Tensor, " padded"]
    """Their values."""

    dtype: torch.dtype

    def __call__(self, flat: Tensor, *, padding: bool = True) -> Tensor:
        """The argument of a batch.

        Args:
            flat: the views, (batch, values)
            padding: whether the padding has its values; else it is 0
        """
        blocks = flat.unflatten(1, (-1, self.block))
        made = blocks.index_select(1, self.places)
        if len(self.padded):
            values = (self.padding if padding else self.padding * 0).to(made)
            values = values[:, None].expand(len(made), -1, self.block)
            made.index_copy_(1, self.padded, values)
        return joined(made.flatten(1).to(self.dtype).unflatten(1, self.shape), self.batch)

    def to(self, device: torch.device) -> "Arrangement":
        """The same for views on another device."""
        moved = {name: getattr(self, name).to(device) for name in ("places", "padded", "padding")}
        return replace(self, **moved)


class Constant(NamedTuple):
    """An argument that is the same for all images of one size."""

    value: Tensor
    """For one image."""

    batch: int
    """The dimension along which the images of a batch are joined."""

    def __call__(self, batch: int) -> Tensor:
        """The argument of a batch."""
        if self.value.ndim == 0:
            return self.value
        return joined(self.value.expand(batch, *self.value.shape), self.batch)

    def to(self, device: torch.device) -> "Constant":
        """The same on another device."""
        return Constant(self.value.to(device), self.batch)


def joined(images: Tensor, dimension: int) -> Tensor:
    """Images (batch, ...) one after the other along one of their own dimensions."""
    return images.movedim(0, dimension).flatten(dimension, dimension + 1).contiguous()


def largest_block(
    places: Int[np.ndarray, " values"],
    padding: Float[np.ndarray, " values"],
    *,
    n_values: int,
) -> int:
    """How many values may be moved together.

    Args:
        places: which value of the flattened views each is; negative where it is none
        padding: the value itself where it is none
        n_values: how many values the views have
    """
    follows = places[1:] == places[:-1] + 1
    blank = places < 0
    if blank.any():
        # From before the first value to value 0 is no step.
        follows &= ~blank[:-1]
        follows |= blank[1:] & blank[:-1] & (padding[1:] == padding[:-1])
    starts = np.concatenate([[0], np.flatnonzero(~follows) + 1])
    first = places[starts]
    return int(np.gcd.reduce(np.concatenate([starts, first[first >= 0], [len(places), n_values]])))
