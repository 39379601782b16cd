"""Ways to look into a module for the time of one call; each leaves it as it was.

Hooks answer to their own thread only, so that a scorer in another one is not disturbed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from eagle_mllm.errors import ModelError


@contextmanager
def frozen(module: Any) -> Iterator[None]:
    """No parameter takes part in a gradient, which saves its memory and leaves `grad` alone."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


@contextmanager
def leaf_behind(part: Any) -> Iterator[list[Tensor]]:
    """The output of a part, from which the graph begins: nothing before it is differentiated.

    Args:
        part: a submodule that returns one tensor
    """
    leaves: list[Tensor] = []

    def cut(_: Any, __: Any, output: Tensor) -> Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1]

    with _hooked([(part.register_forward_hook, cut)]):
        yield leaves


@contextmanager
def attention_rows(
    layers: Sequence[Any], *, rows: Tensor, columns: Tensor
) -> Iterator[list[Tensor]]:
    """Attention of some rows over some columns in each layer, as (rows, columns), heads averaged.

    With SDPA, which keeps no weights, the queries and keys that it is called with are read, and
    only these rows are computed. Eager attention returns its weights, from which they are taken.

    Args:
        layers: of the language model
        rows: positions that attend
        columns: positions that are attended to

    Raises:
        ModelError: on leaving, some layer had neither
    """
    reader = _Reader(rows)
    found: list[Tensor] = []

    def entering(_: Any, __: Any) -> None:
        reader.weights, reader.is_reading = None, True

    def leaving(_: Any, __: Any, output: Any) -> None:
        reader.is_reading = False
        weights = reader.weights
        if weights is None and isinstance(output, tuple) and output[1] is not None:
            weights = output[1][0][:, rows].float()
        if weights is None:
            raise ModelError(
                "this attention implementation keeps no weights and hides its queries and keys; "
                "load the model with attention 'sdpa' or 'eager', or use a method that only asks "
                "for scores, such as 'eagle'"
            )
        found.append(weights.mean(dim=0)[:, columns])

    hooks: list[Registration] = []
    for layer in layers:
        attention = layer.self_attn
        hooks.append((attention.register_forward_pre_hook, entering))
        hooks.append((attention.register_forward_hook, leaving))
    with _hooked(hooks), reader:
        yield found


class _Reader(TorchFunctionMode):
    """Reads the arguments of `scaled_dot_product_attention` while it is told to."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self._rows = rows
        self.is_reading = False
        self.weights: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        options = kwargs or {}
        if self.is_reading and func is scaled_dot_product_attention:
            self.weights = _weights(self._rows, *args, **options)
        return func(*args, **options)


def _weights(
    rows: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Float[Tensor, "heads rows length"]:
    """softmax(q·k) of some rows of the first image, in float32."""
    del value, dropout_p, enable_gqa
    asking, asked = query[0][:, rows].float(), key[0].float()
    asked = asked.repeat_interleave(len(asking) // len(asked), dim=0)
    scores = asking @ asked.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if attn_mask is not None:
        mask = attn_mask.expand(1, 1, query.shape[-2], -1)[0, :, rows]
        hidden = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else None
        scores = scores + mask.float() if hidden is None else hidden
    elif is_causal:
        later = torch.arange(key.shape[-2], device=rows.device) > rows.unsqueeze(1)
        scores = scores.masked_fill(later, -torch.inf)
    return scores.softmax(dim=-1)


Registration = tuple[Callable[[Any], Any], Callable[..., Any]]
"""A part's method that installs a hook, and the hook."""


@contextmanager
def _hooked(registrations: Sequence[Registration]) -> Iterator[None]:
    """Hooks that are called in this thread, and taken off again whatever happens."""
    thread = get_ident()

    def here_only(hook: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: hook(*arguments) if get_ident() == thread else None

    with ExitStack() as stack:
        for register, hook in registrations:
            stack.callback(register(here_only(hook)).remove)
        yield
