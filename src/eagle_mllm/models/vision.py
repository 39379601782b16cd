"""Faster equivalents of a model's vision tower."""

import inspect
from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from eagle_mllm.arrays import Subsets


class VisionEncoder(ABC):
    """Computes the image features of subsets with the submodules of the model's own tower.

    The module is only called: nothing in it is replaced, hooked or switched.
    """

    @abstractmethod
    def __call__(self, pixels: dict[str, Tensor], shown: Subsets) -> dict[str, Any]:
        """What the model's forward takes as `mm_encoder_outputs`, in place of `pixels`.

        Args:
            pixels: pixel arguments of the batch, on the model's device and in its precision
            shown: the subsets that they show, one per row
        """

    def compile(self) -> None:  # noqa: B027  (one that is not worth it stays as it is)
        """Let later calls of one shape run as torch compiles them."""

    def forget(self) -> None:  # noqa: B027  (most remember nothing)
        """Free what is kept for later calls, because the device ran out of memory."""


def takes_features(module: Any) -> bool:
    """Whether a model's forward can be given image features instead of pixels."""
    return "mm_encoder_outputs" in inspect.signature(module.forward).parameters


def is_plain(tower: Any) -> bool:
    """Whether calling the submodules of a tower one by one has the effect of calling the tower.

    It has not where hooks are installed; accelerate, for one, moves weights with them.
    """
    return not any(
        part._forward_hooks or part._forward_pre_hooks or hasattr(part, "_hf_hook")
        for part in tower.modules()
    )
