"""From which ids the `generate` of a model starts, where these are not the prompt's.

BLIP's tokenizer ends a text with [SEP]; its `generate` leaves that out and puts a token of its own
in front. An answer has to be scored behind what the model was really asked.
"""

from dataclasses import dataclass, replace
from typing import Any

from eagle_mllm.errors import ModelError
from eagle_mllm.models.decoding import written
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.placing import to_module


@dataclass(frozen=True, kw_only=True)
class PromptStart:
    """What `generate` changes of a prompt; by default nothing."""

    first: int | None = None
    """The id that it puts in the place of the first one."""

    dropped: int = 0
    """How many ids it leaves out at the end."""

    def __call__(self, prompt: EncodedPrompt) -> EncodedPrompt:
        """The prompt with the ids behind which the answer is written."""
        if self == PromptStart():
            return prompt
        first = prompt.ids[0] if self.first is None else self.first
        ids = (first, *prompt.ids[1 : len(prompt.ids) - self.dropped])
        return replace(prompt, ids=ids, given_ids=prompt.ids)


def prompt_start(
    module: Any, family: Family, prompt: EncodedPrompt, *, ends: list[int]
) -> PromptStart:
    """What a model's `generate` makes of its prompts; only asked where they look finished.

    Args:
        module: the transformers model
        family: how its inputs are made
        prompt: an encoded prompt
        ends: ids that end an answer

    Raises:
        ModelError: it starts from something that is not this prompt
    """
    tokenizer = family.parts.tokenizer
    if prompt.ids[-1] not in {*ends, tokenizer.eos_token_id, tokenizer.sep_token_id}:
        return PromptStart()
    inputs = to_module(family.generation_inputs(prompt), module)
    start = written(module, inputs, ends=ends, max_new_tokens=1).start or prompt.ids
    dropped = len(prompt.ids) - len(start)
    if dropped < 0 or start[1:] != prompt.ids[1 : len(prompt.ids) - dropped]:
        raise ModelError(
            f"this {module.config.model_type!r} model cannot be explained: it answers another "
            "prompt than the one that its processor writes; use a chat model"
        )
    return PromptStart(first=None if start[0] == prompt.ids[0] else start[0], dropped=dropped)
