"""A gated MLP whose inner width is a multiple of 8, beside one whose width is not.

Tensor cores take rows of 16 bytes. The 3,420 inner values of Qwen2.5-VL's vision tower are no such
row in half precision, and its products take the slow path of the matrix library. With four zeros
more in each they are the same: act(0) · 0 is 0, and meets a zero weight.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import linear, pad

ALIGNMENT = 8
"""Values of two bytes in 16 bytes."""

_PARTS = ("gate_proj", "up_proj", "down_proj")


class AlignedMLP:
    """down(act(gate(x)) · up(x)) with padded copies of the weights; the module stays as it is.

    The two products into the inner width are one.

    Args:
        mlp: a module for which `pays_for`, or at least `is_served`, is true
    """

    @staticmethod
    def is_served(mlp: Any) -> bool:
        """Whether it is a gated MLP of plain layers with an inner width that is not a multiple."""
        layers = [getattr(mlp, name, None) for name in _PARTS]
        return (
            all(type(layer) is Linear for layer in layers)
            and mlp.gate_proj.out_features % ALIGNMENT != 0
        )

    @staticmethod
    def pays_for(mlp: Any) -> bool:
        """Whether it is one, in half precision on a CUDA device."""
        return AlignedMLP.is_served(mlp) and (
            mlp.gate_proj.weight.is_cuda and mlp.gate_proj.weight.element_size() == 2
        )

    @torch.no_grad()
    def __init__(self, mlp: Any) -> None:
        more = -mlp.gate_proj.out_features % ALIGNMENT
        into = (mlp.gate_proj, mlp.up_proj)
        self._act = mlp.act_fn
        self._into = torch.cat([pad(layer.weight, (0, 0, 0, more)) for layer in into])
        self._into_bias = None
        if mlp.gate_proj.bias is not None:
            self._into_bias = torch.cat([pad(layer.bias, (0, more)) for layer in into])
        self._back = pad(mlp.down_proj.weight, (0, more))
        self._back_bias = mlp.down_proj.bias

    def __call__(self, hidden: Tensor) -> Tensor:
        """What the module gives, but for rounding; hidden is (..., values)."""
        gate, up = linear(hidden, self._into, self._into_bias).chunk(2, dim=-1)
        return linear(self._act(gate) * up, self._back, self._back_bias)
