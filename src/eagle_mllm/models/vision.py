"""Image features by a way of our own: those of the model's vision tower, but sooner."""

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
            shown: the subsets that they show, one a row
        """

    def forget(self) -> None:  # noqa: B027  (most remember nothing)
        """Give back what is kept for later calls, because the device ran out of memory."""


def takes_features(module: Any) -> bool:
    """Whether a model's forward can be given image features instead of pixels."""
    return "mm_encoder_outputs" in inspect.signature(module.forward).parameters


def is_plain(tower: Any) -> bool:
    """Whether calling the parts of a tower is calling the tower.

    It is not where somebody has hooked into it, such as accelerate, which moves weights that way.
    """
    return not any(
        part._forward_hooks or part._forward_pre_hooks or hasattr(part, "_hf_hook")
        for part in tower.modules()
    )
