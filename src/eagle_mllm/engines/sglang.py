"""SGLang's own route `/generate`, written from its specification and never run against a server.

Text and image go in, the log-probabilities of all input tokens come out. (Ids with an image are
expanded twice by some models, and its OpenAI route has none for the input.)
"""

from collections.abc import Mapping
from typing import Any

from eagle_mllm.engines.engine import Engine, Forced, Scores
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.pictures import base64_text
from eagle_mllm.engines.reading import field, id_of, log_probability, require_ids
from eagle_mllm.engines.vllm_chat import AT_ONCE
from eagle_mllm.engines.vocabulary import Opened, Vocabulary
from eagle_mllm.errors import ModelError, SettingError

_PLAIN = {
    "temperature": 0,
    "top_p": 1.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}


class SGLang(Engine):
    """A model of SGLang.

    Args:
        http: the server
        information: its `/get_model_info` and `/get_server_info`
        vocabulary: of a local checkpoint, which is needed here

    Raises:
        SettingError: there is no checkpoint
    """

    name = "sglang"
    forces_ids = False
    tested = False

    def __init__(
        self, http: Http, information: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> None:
        if vocabulary is None:
            raise SettingError(
                "SGLang scores the text of a whole prompt; give the local checkpoint that writes "
                "it (checkpoint, --checkpoint)"
            )
        self._http = http
        self._information = information
        self.vocabulary = vocabulary

    @property
    def version(self) -> str:
        """See `Engine`."""
        return str(self._information.get("version", "unknown"))

    @property
    def identity(self) -> Mapping[str, str]:
        """The checkpoint that the server has loaded."""
        return {"model_path": str(self._information.get("model_path"))}

    @property
    def concurrency(self) -> int:
        """See `Engine`."""
        return AT_ONCE

    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """See `Engine`."""
        answer = self._ask(picture, opened, "", {"max_new_tokens": max_new_tokens})
        written = field(answer, "meta_info", "output_token_logprobs")
        return tuple(id_of(field(one, 1)) for one in written)

    def score(self, picture: bytes, forced: Forced) -> Scores:
        """See `Engine`."""
        wanted: dict[str, Any] = {"logprob_start_len": 0, "top_logprobs_num": 1}
        if forced.end is not None:
            wanted["token_ids_logprob"] = [forced.end]
        answer = self._ask(picture, forced.opened, forced.text, {"max_new_tokens": 1}, **wanted)
        information = field(answer, "meta_info")
        row = _input_row(information, forced)
        if forced.end is None:
            return row
        end, token = field(information, "output_token_ids_logprobs", 0, 0)[:2]
        require_ids((id_of(token),), (forced.end,), "end of the answer")
        predicted = id_of(field(information, "output_top_logprobs", 0, 0, 1))
        return Scores((*row.log_probability, log_probability(end)), (*row.predicted, predicted))

    def close(self) -> None:
        """See `Engine`."""
        self._http.close()

    def _ask(
        self,
        picture: bytes,
        opened: Opened,
        answer: str,
        sampling: Mapping[str, Any],
        **wanted: Any,
    ) -> Any:
        body = {
            "text": f"{opened.text}{answer}",
            "image_data": base64_text(picture),
            "sampling_params": {**_PLAIN, **sampling},
            "return_logprob": True,
            **wanted,
        }
        return self._http.post("/generate", body, paid=True)


def _input_row(information: Any, forced: Forced) -> Scores:
    """The scores of the answer, at the end of those of all input tokens."""
    if not forced.ids:
        return Scores((), ())
    tokens = field(information, "input_token_logprobs")
    best = field(information, "input_top_logprobs")
    found = tuple(id_of(field(one, 1)) for one in tokens)
    known = forced.opened.ids
    if known is not None and len(found) != len(known) + len(forced.ids):
        raise ModelError(
            f"SGLang reads {len(found)} tokens of prompt and answer, the checkpoint "
            f"{len(known) + len(forced.ids)}; give the checkpoint that it serves"
        )
    n_tokens = len(forced.ids)
    require_ids(found[-n_tokens:], forced.ids, "answer")
    return Scores(
        tuple(log_probability(field(one, 0)) for one in tokens[-n_tokens:]),
        tuple(id_of(field(one, 0, 1)) for one in best[-n_tokens:]),
    )
