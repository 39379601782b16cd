"""vLLM's route for exact ids, `/inference/v1/generate`: no chat template, no cutting of text.

The server has to be started with `--enable-scale-out`. The prompt goes with one placeholder of the
image: expanded ones would be expanded again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eagle_mllm.engines.engine import Forced, Scores
from eagle_mllm.engines.http import Http, Refused
from eagle_mllm.engines.pictures import data_url
from eagle_mllm.engines.reading import field, ids_of, require_ids
from eagle_mllm.engines.vllm_chat import PLAIN, VllmChat
from eagle_mllm.engines.vllm_reading import prompt_row
from eagle_mllm.engines.vllm_rows import AnswerRows, answer_rows, rows_wanted
from eagle_mllm.engines.vocabulary import Opened, Vocabulary
from eagle_mllm.errors import ModelError, SettingError

_ROWS = {True: "the answer's, all where another token may be likelier", False: "all"}
_CANNOT = (400, 422, 501)
"""How a server says that it cannot score some rows only."""


class VllmTokens(VllmChat):
    """A model of vLLM, asked by ids.

    Args:
        http: the server
        model: as the server knows it
        version: of vLLM
        entry: what the server lists of the model
        vocabulary: of a local checkpoint, which is needed here

    Raises:
        SettingError: there is no checkpoint
    """

    name = "vllm-tokens"
    forces_ids = True

    def __init__(
        self,
        http: Http,
        model: str,
        *,
        version: str,
        entry: Mapping[str, Any],
        vocabulary: Vocabulary | None = None,
    ) -> None:
        if vocabulary is None:
            raise SettingError(
                "the engine 'vllm-tokens' needs the ids of the prompt; give the local checkpoint "
                "(checkpoint, --checkpoint), or take the engine 'vllm'"
            )
        super().__init__(http, model, version=version, entry=entry, vocabulary=vocabulary)
        self._rows = AnswerRows()

    @property
    def notes(self) -> Mapping[str, str]:
        """See `Engine`: which rows the server scores."""
        return {} if self._rows.served is None else {"rows": _ROWS[self._rows.served]}

    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """See `Engine`."""
        answer = self._generate(picture, opened, (), {"max_tokens": max_new_tokens})
        return ids_of(field(answer, "choices", 0, "token_ids"))

    def score(self, picture: bytes, forced: Forced) -> Scores:
        """See `Engine`."""
        if self._rows.served is None:
            usual = self._all_rows(picture, forced)
            self._rows.compare(self._answer_rows(picture, forced), usual)
            return usual
        if self._rows.pays and (short := self._answer_rows(picture, forced)) is not None:
            settled = self._rows.settled(short, forced.asked)
            if settled is not None:
                return settled
        return self._all_rows(picture, forced)

    def _all_rows(self, picture: bytes, forced: Forced) -> Scores:
        # The end is a token like any other here: what is asked about is all part of the prompt.
        wanted = {"max_tokens": 1, "prompt_logprobs": 1}
        answer = self._generate(picture, forced.opened, forced.asked, wanted)
        return prompt_row(answer, (*_known(forced.opened.ids), *forced.asked), forced.asked)

    def _answer_rows(self, picture: bytes, forced: Forced) -> tuple[float, ...] | None:
        wanted = rows_wanted(forced.asked, len(_known(forced.opened.ids)))
        try:
            answer = self._generate(
                picture, forced.opened, forced.asked, {"max_tokens": 1, **wanted}
            )
        except Refused as refused:
            if self._rows.served or refused.status not in _CANNOT:
                raise
            return None
        return answer_rows(answer, forced.asked)

    def _generate(
        self, picture: bytes, opened: Opened, ids: Sequence[int], wanted: Mapping[str, Any]
    ) -> Any:
        body = {
            "model": self._model,
            "token_ids": [*_known(opened.short_ids), *ids],
            "content_parts": [{"type": "image_url", "url": data_url(picture)}],
            "sampling_params": {**PLAIN, "detokenize": False, **wanted},
            "return_token_ids": True,
        }
        try:
            answer = self._http.post("/inference/v1/generate", body, paid=True)
        except Refused as refused:
            if refused.status not in (403, 404):
                raise
            raise ModelError(
                f"the server at {self._http.url} does not take ids; start it with "
                "--enable-scale-out, or take the engine 'vllm'"
            ) from refused
        if isinstance(answer, dict) and answer.get("prompt_token_ids"):
            whole = (*_known(opened.ids), *ids)
            require_ids(ids_of(answer["prompt_token_ids"]), whole, "prompt and answer")
        return answer


def _known(ids: tuple[int, ...] | None) -> tuple[int, ...]:
    assert ids is not None, "a checkpoint gives the ids of every prompt"
    return ids
