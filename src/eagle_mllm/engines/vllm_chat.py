"""vLLM's chat completions: an answer is the assistant's unfinished message, scored in one pass.

The prompt's log-probabilities hold those of the answer at their end; the one generated token tells
how probable the end is. The server cuts the text into tokens again, so the ids are always compared.
"""

from collections.abc import Mapping
from typing import Any

from eagle_mllm.engines.engine import Engine, Forced, Scores
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.messages import chat_messages, picture_part
from eagle_mllm.engines.reading import field, ids_of, require_ids
from eagle_mllm.engines.vllm_reading import generated, prompt_row
from eagle_mllm.engines.vllm_vocabulary import VllmVocabulary
from eagle_mllm.engines.vocabulary import Opened, Vocabulary
from eagle_mllm.errors import ModelError

PLAIN = {
    "temperature": 0,
    "top_p": 1.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""The distribution itself, whatever the model's generation_config.json suggests."""

AT_ONCE = 8
"""Requests that fill its batches; more gained little."""


class VllmChat(Engine):
    """A model of vLLM, by its OpenAI-compatible route.

    Args:
        http: the server
        model: as the server knows it
        version: of vLLM
        entry: what the server lists of the model
        vocabulary: a checkpoint's; by default the server's own
    """

    name = "vllm"
    forces_ids = False

    def __init__(
        self,
        http: Http,
        model: str,
        *,
        version: str,
        entry: Mapping[str, Any],
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._http = http
        self._model = model
        self._version = version
        self._entry = entry
        self.vocabulary = vocabulary or VllmVocabulary(http, model)

    @property
    def version(self) -> str:
        """See `Engine`."""
        return self._version

    @property
    def identity(self) -> Mapping[str, str]:
        """The checkpoint that the server has loaded."""
        return {"root": str(self._entry.get("root"))}

    @property
    def concurrency(self) -> int:
        """See `Engine`."""
        return AT_ONCE

    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """See `Engine`."""
        body = {
            "max_completion_tokens": max_new_tokens,
            "messages": chat_messages(opened.prompt, picture_part(picture)),
            "return_token_ids": True,
        }
        answer = self._ask(opened, body)
        self._require_prompt(opened, ids_of(field(answer, "prompt_token_ids")), ())
        choice = field(answer, "choices", 0)
        ids = ids_of(field(choice, "token_ids"))
        if choice.get("finish_reason") == "stop" and ids[-1] not in self.vocabulary.ends:
            raise ModelError(
                f"the server ends an answer with the token {ids[-1]}, which is not known as an "
                "end; give the checkpoint that it serves (checkpoint, --checkpoint)"
            )
        return ids

    def score(self, picture: bytes, forced: Forced) -> Scores:
        """See `Engine`."""
        body: dict[str, Any] = {
            "max_completion_tokens": 1,
            "messages": chat_messages(forced.opened.prompt, picture_part(picture)),
            "return_token_ids": True,
        }
        if forced.ids:
            body["messages"].append({"role": "assistant", "content": forced.text})
            body |= {
                "add_generation_prompt": False,
                "continue_final_message": True,
                "prompt_logprobs": 1,
            }
        if forced.end is not None:
            body |= {
                "logprobs": True,
                "logprob_token_ids": [forced.end],
                "return_tokens_as_token_ids": True,
            }
        answer = self._ask(forced.opened, body)
        found = ids_of(field(answer, "prompt_token_ids"))
        self._require_prompt(forced.opened, found, forced.ids)
        row = prompt_row(answer, found, forced.ids)
        if forced.end is None:
            return row
        end, predicted = generated(field(answer, "choices", 0), forced.end)
        return Scores((*row.log_probability, end), (*row.predicted, predicted))

    def close(self) -> None:
        """See `Engine`."""
        self._http.close()

    def _ask(self, opened: Opened, body: Mapping[str, Any]) -> Any:
        # The default adds no start token, and some templates write none: without it the model
        # answers something else.
        start = {"add_special_tokens": True} if opened.starts else {}
        whole = {"model": self._model, **PLAIN, **start, **body}
        return self._http.post("/v1/chat/completions", whole, paid=True)

    def _require_prompt(self, opened: Opened, found: tuple[int, ...], ids: tuple[int, ...]) -> None:
        """Compare all tokens, where a checkpoint tells them; those of the answer in any case."""
        if opened.ids is not None:
            require_ids(found, (*opened.ids, *ids), "prompt and answer")
        elif ids:
            require_ids(found[-len(ids) :], ids, "answer")
