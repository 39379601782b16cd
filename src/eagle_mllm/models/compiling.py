"""A module and its vision tower as torch compiles them, for one shape of batch at a time."""

from collections.abc import Callable
from typing import Any

import torch

from eagle_mllm.borders import reason
from eagle_mllm.errors import ModelError


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, fused for each shape of its arguments; a module stays as it is.

    The first call of each shape compiles, which takes from half a minute to some minutes. Results
    differ by rounding.

    Args:
        function: a module, or a function of tensors

    Raises:
        ModelError: when it is called, if torch cannot compile it here
    """
    from torch._dynamo.exc import TorchDynamoException  # slow to import

    fast = torch.compile(function, dynamic=False)

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return fast(*arguments, **named)
        except TorchDynamoException as error:
            raise ModelError(
                f"torch cannot compile this model here: {reason(error)}; leave compile out"
            ) from error

    return call
