"""Greedy decoding, whatever a checkpoint suggests, and what `generate` starts from."""

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import transformers
from torch import Tensor

from eagle_mllm.models.pixels.source import Tensors


def greedy(module: Any, *, ends: list[int], max_new_tokens: int) -> transformers.GenerationConfig:
    """The arg max at every step: no sampling, no beams, no repetition penalty.

    Args:
        module: the transformers model
        ends: ids that end an answer
        max_new_tokens: longest answer
    """
    pad = module.generation_config.pad_token_id
    return transformers.GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        # Without effect on greedy decoding, but transformers warns about the checkpoint's.
        temperature=1.0,
        top_p=1.0,
        top_k=50,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if pad is None and ends else pad,
    )


def end_ids(module: Any, tokenizer: Any) -> list[int]:
    """The ids that end an answer: the checkpoint's, else its tokenizer's."""
    ends = module.generation_config.eos_token_id
    if ends is None:
        ends = tokenizer.eos_token_id
    if ends is None:
        return []
    return [ends] if isinstance(ends, int) else list(ends)


class Written(NamedTuple):
    """What a call of `generate` did, seen from inside it."""

    start: tuple[int, ...] | None
    """The ids it began with; None where it keeps them as embeddings, or was not seen."""

    ids: tuple[int, ...]
    """The ids it wrote."""

    logits: Tensor | None
    """(tokens, vocab), of each of them; None where it was not seen."""


def written(
    module: Any,
    inputs: Tensors,
    *,
    ends: list[int],
    max_new_tokens: int,
    forced: Sequence[int] = (),
) -> Written:
    """Let a model write an answer, or make it write a given one.

    Its own `generate` may rewrite the prompt, return it or not; so the steps are watched.

    Args:
        module: the transformers model
        inputs: arguments of `generate`, a batch of one
        ends: ids that end an answer
        max_new_tokens: longest answer
        forced: ids that it must write, whatever it would choose
    """
    watcher = _Watcher(forced)
    decoding = greedy(module, ends=ends, max_new_tokens=max_new_tokens)
    with torch.no_grad():
        output = module.generate(
            **_accepted(module, inputs),
            generation_config=decoding,
            logits_processor=transformers.LogitsProcessorList([watcher]),
        )
    ids = output[0].tolist()
    if not watcher.steps:
        return Written(None, tuple(ids[inputs["input_ids"].shape[1] :]), None)
    start = tuple(watcher.start) or None
    logits = torch.stack(watcher.logits) if forced else None
    return Written(start, tuple(ids[len(ids) - watcher.steps :]), logits)


class _Watcher(transformers.LogitsProcessor):  # type: ignore[misc]
    """Sees every step of `generate`; chooses the tokens where some are given."""

    def __init__(self, forced: Sequence[int]) -> None:
        self.forced = forced
        self.steps = 0
        self.start: list[int] = []
        self.logits: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores as they are, or with all but the given token impossible."""
        if not self.steps:
            self.start = input_ids[0].tolist()
        step, self.steps = self.steps, self.steps + 1
        if not self.forced:
            return scores
        self.logits.append(scores[0].clone())
        chosen = torch.full_like(scores, -torch.inf)
        chosen[:, self.forced[step]] = 0
        return chosen


def _accepted(module: Any, inputs: Tensors) -> Tensors:
    """Those of a processor's arguments that the model's forward or its `generate` can take."""
    functions = (module.forward, module.generate, module.prepare_inputs_for_generation)
    names = {name for function in functions for name in inspect.signature(function).parameters}
    return {name: value for name, value in inputs.items() if name in names}
