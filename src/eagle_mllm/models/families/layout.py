"""What a processor's arguments mean, learnt from the processor itself.

Processors of transformers return a dictionary of tensors. Which of them say something about each
token, and along which dimension the images of a batch lie, is written nowhere: it is seen by
processing a longer prompt, and two pictures together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.errors import EagleError
from eagle_mllm.models.pixels.source import Tensors

Process = Callable[[Sequence[RGBImage], str], Tensors]
"""The tensors that a processor makes of images, each with the same text."""

IDS = "input_ids"

_LONGER = " and so on and on"
"""Added to a prompt to make it longer."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the arguments of one processor are laid out."""

    per_token: frozenset[str]
    """Arguments that have an entry for each token in dimension 1, besides the ids."""

    batch: Mapping[str, int] | None
    """Along which dimension of the other arguments the images of a batch lie. None where a batch
    is not just its images one after the other: then a pass has one image."""

    def joined(self, each: Sequence[Tensors]) -> Tensors:
        """The arguments of a batch from those of its images.

        Args:
            each: one image's arguments, without the ids and what is per token
        """
        if len(each) == 1:
            return dict(each[0])
        assert self.batch is not None, "one image a pass"
        return {
            name: torch.cat([one[name] for one in each], dim=dimension)
            for name, dimension in self.batch.items()
        }


def learnt_layout(process: Process, image: RGBImage, text: str) -> Layout:
    """Learn the layout by processing a longer prompt, and two pictures together.

    Args:
        process: the processor
        image: an image
        text: a prompt with as many placeholders as one image needs
    """
    one = process([image], text)
    per_token = _per_token(one, process([image], text + _LONGER))
    other = process([_other(image)], text)
    names = [name for name in one if name != IDS and name not in per_token]
    try:
        two = process([image, _other(image)], text)
    except (EagleError, TypeError, IndexError, AttributeError, RuntimeError, KeyError):
        two = {}  # a processor that takes one image at a time
    dimensions = {name: _joint(one[name], other[name], two.get(name)) for name in names}
    known = {name: place for name, place in dimensions.items() if place is not None}
    return Layout(per_token=per_token, batch=known if len(known) == len(names) else None)


def _other(image: RGBImage) -> RGBImage:
    """Another picture of the same size."""
    return np.ascontiguousarray(255 - image[::-1])


def _per_token(short: Tensors, long: Tensors) -> frozenset[str]:
    n_short, n_long = short[IDS].shape[1], long[IDS].shape[1]
    return frozenset(
        name
        for name, value in short.items()
        if name != IDS
        and value.ndim >= 2
        and name in long
        and (value.shape[1], long[name].shape[1]) == (n_short, n_long)
    )


def _joint(one: Tensor, other: Tensor, both: Tensor | None) -> int | None:
    """The dimension along which `both` is `one` and then `other`; None if it is not."""
    if both is None or one.shape != other.shape or both.ndim != one.ndim:
        return None
    for dimension, (single, double) in enumerate(zip(one.shape, both.shape, strict=True)):
        joined = torch.cat([one, other], dim=dimension)
        if double == 2 * single and joined.shape == both.shape and torch.equal(joined, both):
            return dimension
    return None
