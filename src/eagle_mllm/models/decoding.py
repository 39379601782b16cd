"""Greedy decoding, whatever a checkpoint suggests."""

from typing import Any

import transformers


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
