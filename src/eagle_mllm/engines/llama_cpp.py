"""llama.cpp's server: the ids of an answer are forced by a grammar of tokens.

A grammar may name ids, `root ::= <[32]> <[289]>`. Generation can then write our answer only, while
the log-probabilities are those of the distribution before the grammar: one prefill, then one short
step a token. The token after a finished grammar is the one that ends the answer.
"""

import re
from collections.abc import Mapping
from typing import Any

from eagle_mllm.engines.engine import Engine, Forced, Scores
from eagle_mllm.engines.http import Http, Refused
from eagle_mllm.engines.llama_vocabulary import LlamaVocabulary
from eagle_mllm.engines.pictures import base64_text
from eagle_mllm.engines.reading import field, id_of, ids_of, log_probability, require_ids
from eagle_mllm.engines.vocabulary import Opened, Vocabulary
from eagle_mllm.errors import ModelError

# The distribution itself: no sampling, no penalty that the server was started with, and the
# log-probabilities from before any of it.
_PLAIN = {
    "temperature": 0,
    "samplers": ["temperature"],
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "dry_multiplier": 0.0,
    "post_sampling_probs": False,
    "cache_prompt": False,
}

# What llama.cpp writes around an image by itself; in the text it would be there twice.
_AROUND = (r"(?:<\|vision_start\|>|<img>)?", r"(?:<\|vision_end\|>|</img>)?")


class LlamaCpp(Engine):
    """A model of llama.cpp's server with its vision file.

    Args:
        http: the server
        properties: its `/props`
        vocabulary: a checkpoint's; by default the server's own
    """

    name = "llama.cpp"

    def __init__(
        self, http: Http, properties: Mapping[str, Any], vocabulary: Vocabulary | None = None
    ) -> None:
        if not field(properties, "modalities", "vision"):
            raise ModelError(
                f"the model at {http.url} reads no images; start the server with its vision file "
                "(--mmproj)"
            )
        self._http = http
        self._properties = properties
        end = str(properties.get("eos_token", ""))
        self.vocabulary = vocabulary or LlamaVocabulary(http, end=end)

    @property
    def version(self) -> str:
        """The build of the server."""
        return str(self._properties.get("build_info", "unknown"))

    @property
    def identity(self) -> Mapping[str, str]:
        """The file of the model and its precision."""
        names = ("model_path", "model_ftype", "n_ctx")
        return {name: str(self._properties[name]) for name in names if name in self._properties}

    @property
    def concurrency(self) -> int:
        """The slots of the server. With one, scores are equal to the last bit."""
        return max(1, int(self._properties.get("total_slots", 1)))

    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """See `Engine`."""
        body = {**_PLAIN, "n_predict": max_new_tokens, "return_tokens": True}
        return ids_of(field(self._ask(picture, opened, body), "tokens"))

    def score(self, picture: bytes, forced: Forced) -> Scores:
        """See `Engine`."""
        grammar = " ".join(f"<[{token}]>" for token in forced.ids) or '""'
        body = {
            **_PLAIN,
            "grammar": f"root ::= {grammar}",
            "n_predict": len(forced.asked),
            "n_probs": 1,
        }
        steps = field(self._ask(picture, forced.opened, body), "completion_probabilities")
        require_ids(tuple(id_of(field(step, "id")) for step in steps), forced.asked, "answer")
        return Scores(
            log_probability=tuple(log_probability(field(step, "logprob")) for step in steps),
            predicted=tuple(id_of(field(step, "top_logprobs", 0, "id")) for step in steps),
        )

    def close(self) -> None:
        """See `Engine`."""
        self._http.close()

    def _ask(self, picture: bytes, opened: Opened, body: Mapping[str, Any]) -> Any:
        """The answer to a prompt; asked again where a restart has changed the marker of images."""
        marker = self._marker
        try:
            answer = self._complete(picture, opened, body, marker=marker)
        except Refused:
            self._look_again()
            if self._marker == marker:
                raise
            answer = self._complete(picture, opened, body, marker=self._marker)
        if opened.ids is not None:
            _require_length(field(answer, "tokens_evaluated"), len(opened.ids))
        return answer

    def _complete(
        self, picture: bytes, opened: Opened, body: Mapping[str, Any], *, marker: str
    ) -> Any:
        prompt = {
            "prompt_string": _marked(opened, marker),
            "multimodal_data": [base64_text(picture)],
        }
        return self._http.post("/completion", {"prompt": prompt, **body}, paid=True)

    @property
    def _marker(self) -> str:
        return str(self._properties.get("media_marker", "<__media__>"))

    def _look_again(self) -> None:
        """Read the properties of a server that may have been started again.

        Raises:
            ModelError: it has another model now
        """
        before = self.identity
        self._properties = self._http.get("/props")
        if self.identity != before:
            raise ModelError(
                f"the server at {self._http.url} was started again with another model; connect to "
                "it again, and explain each answer on one model only"
            )


def _marked(opened: Opened, marker: str) -> str:
    """The prompt with the server's own marker in the place of the image."""
    before, after = _AROUND
    image = re.compile(f"{before}{re.escape(opened.placeholder)}{after}")
    return image.sub(lambda _: marker, str(opened.text), count=1)


def _require_length(found: Any, expected: int) -> None:
    if found != expected:
        raise ModelError(
            f"the server reads a prompt of {found} tokens and the checkpoint one of {expected}; "
            "give the checkpoint that the server's file was made from, or none"
        )
