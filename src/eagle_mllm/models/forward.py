"""Teacher forcing: what a model makes of one answer, token by token, in a single call.

How often it is called, with how many images at a time and whether gradients flow is up to the
caller: `scorer` asks without gradients and in batches, a white-box method with them.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from eagle_mllm.attribution.generation import Target
from eagle_mllm.errors import ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.placing import input_device


class TargetOutput(NamedTuple):
    """What a model says at the target's positions, for a batch of images."""

    logits: Float[Tensor, "batch tokens vocab"]
    """In the precision of the model."""

    log_probability: Float[Tensor, "batch tokens"]
    """log p of each target token; float32, or float64 where the model is."""

    hidden_states: tuple[Float[Tensor, "batch length values"], ...]
    """What enters each layer of the language model, then what leaves its final norm. The layers
    read the prompt and the answer up to the last target token. Empty unless asked for."""


class TeacherForced:
    """One answer, read by a model behind one prompt.

    Only the image differs between calls, so everything else is made once: ids up to the last token
    that is needed, their positions, and the rows of the logits that are read. Gradients flow
    exactly as the caller has set them, and the module is left as it was.

    Args:
        module: the transformers model
        family: how its inputs are made
        prompt: the encoded image and prompt
        answer: ids of the answer
        target: positions in the answer and the id asked about at each
        call: how the module is called, if not as it is
    """

    def __init__(
        self,
        module: Any,
        family: Family,
        prompt: EncodedPrompt,
        *,
        answer: Sequence[int],
        target: Target,
        call: Callable[..., Any] | None = None,
    ) -> None:
        self._module = module
        self._call = module if call is None else call
        self._family = family
        self._prompt = prompt
        device = input_device(module)
        # The token at answer position t is predicted by the logits of the token before it.
        kept = (*prompt.ids, *answer[: max(target.positions)])
        self._ids = torch.tensor(kept, device=device)
        # Counted from the end: some models put the places of the image in front of the ids.
        self._rows = torch.tensor(target.positions, device=device) + len(prompt.ids) - 1 - len(kept)
        self._target_ids = torch.tensor(target.ids, device=device)
        self._last_id = max(target.ids)
        self._keeps_rows = "logits_to_keep" in inspect.signature(module.forward).parameters
        self._text: dict[int, Tensors] = {}

    @property
    def ids(self) -> Int[Tensor, " length"]:
        """What the model reads: the prompt, then the answer up to the last token that matters."""
        return self._ids

    @property
    def n_tokens(self) -> int:
        """Tokens of the target."""
        return len(self._target_ids)

    def __call__(
        self, image: Mapping[str, Any], *, batch: int, hidden_states: bool = False
    ) -> TargetOutput:
        """Call the module once.

        Args:
            image: pixel arguments of the batch, or `mm_encoder_outputs` in their place, on the
                module's device and in its precision
            batch: images in it
            hidden_states: whether to return them too

        Raises:
            ModelError: hidden states are asked for and the layers cannot be found, or the model
                cannot write a token of the target
        """
        arguments = self._text_inputs(batch) | dict(image)
        if self._keeps_rows:
            arguments["logits_to_keep"] = self._rows
        with _recorded(self._module, when=hidden_states) as states:
            logits = self._call(**arguments, use_cache=False, return_dict=True).logits
        if not self._keeps_rows:
            logits = logits[:, self._rows]
        if self._last_id >= logits.shape[-1]:
            raise ModelError(
                f"token {self._last_id} is asked about and this model writes those below "
                f"{logits.shape[-1]}; give an answer that it can write, or its own tokenizer"
            )
        wide = torch.promote_types(logits.dtype, torch.float32)
        log_p = logits.log_softmax(dim=-1, dtype=wide)
        at_target = log_p.gather(-1, self._target_ids.expand(batch, -1).unsqueeze(-1))
        return TargetOutput(logits, at_target.squeeze(-1), tuple(states))

    def _text_inputs(self, batch: int) -> dict[str, Any]:
        if batch not in self._text:
            self._text[batch] = self._family.text_inputs(
                self._module, self._prompt, self._ids, batch=batch
            )
        return dict(self._text[batch])


@contextmanager
def _recorded(module: Any, *, when: bool) -> Iterator[list[Tensor]]:
    """Collects the hidden states of a call in this thread.

    transformers' own `output_hidden_states` leaves its hooks on every part of the module, where
    `vision.is_plain` and the user would find them; these are taken off again.
    """
    states: list[Tensor] = []
    if not when:
        yield states
        return
    thread = get_ident()

    def entering(_: Any, arguments: tuple[Any, ...]) -> None:
        if get_ident() == thread:
            states.append(arguments[0])

    def leaving(_: Any, __: Any, output: Any) -> None:
        if get_ident() == thread:
            states.append(output.last_hidden_state)

    decoder, layers = decoder_layers(module)
    hooks = [layer.register_forward_pre_hook(entering) for layer in layers]
    hooks.append(decoder.register_forward_hook(leaving))
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()


def decoder_layers(module: Any) -> tuple[Any, Any]:
    """The part of a model that holds the layers of its language model, and the layers.

    Raises:
        ModelError: they cannot be found
    """
    decoder = module.get_decoder()
    layers = getattr(decoder, "layers", None)
    if layers is None:
        raise ModelError(
            f"the layers of {type(module).__name__} cannot be found, so it gives no hidden "
            "states; use a method that only asks for scores, such as 'eagle'"
        )
    return decoder, layers
