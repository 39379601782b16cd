"""The tokenizer of vLLM's server."""

import re
from functools import cached_property

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, Conversation
from eagle_mllm.attribution.words.plain_text import letters, quoted
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.messages import chat_messages
from eagle_mllm.engines.reading import field, ids_of
from eagle_mllm.engines.server_vocabulary import LEFT_OUT, ServerVocabulary
from eagle_mllm.engines.vocabulary import Opened
from eagle_mllm.errors import ModelError, TargetError

# The server does not say which tokens are control tokens; these are how they are spelled.
_CONTROL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<\uff5c[^\uff5c<>]{1,40}\uff5c>"
    r"|</?(?:s|pad|unk|bos|eos|img|image|video|IMG_CONTEXT|image_soft_token"
    r"|start_of_turn|end_of_turn|start_of_image|end_of_image)>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END)\]"
)


_ENDS = ("</s>", "<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<eos>", "<|endoftext|>")
"""What models end an answer with where their template does not write it."""


class VllmVocabulary(ServerVocabulary):
    """Asks `/tokenize` and `/detokenize`, which run no model.

    Args:
        http: the server
        model: as the server knows it
    """

    def __init__(self, http: Http, model: str) -> None:
        super().__init__()
        self._http = http
        self._model = model

    @cached_property
    def ends(self) -> frozenset[int]:
        """See `Vocabulary`: what the template writes after an answer, or a usual end."""
        after = self._chat("?", "A.", is_ended=True)
        start = self._chat("?", "A.")
        written = after[len(start) : len(start) + 1]
        if written and self._holds_control(self._detokenize(written)):
            return frozenset(written)
        named = (self._tokenize(name, control=True) for name in _ENDS)
        return frozenset(next((ids for ids in named if len(ids) == 1), ()))

    @property
    def special(self) -> frozenset[int]:
        """See `Vocabulary`."""
        return self.ends

    def open(self, image: RGBImage, prompt: Asked) -> Opened:
        """See `Vocabulary`."""
        del image
        self._require_prompt(prompt)
        if isinstance(prompt, Conversation):
            self._require_whole(prompt)
        return Opened(prompt=prompt, starts=self._starts)

    def encode_answer(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        """See `Vocabulary`."""
        self._require_answer(answer)
        start = self._chat(prompt)
        whole = self._chat(prompt, answer)
        if whole[: len(start)] != start or len(whole) == len(start):
            raise TargetError(
                f"the server's tokenizer joins the prompt and the answer {quoted(answer)}; give "
                "the checkpoint that it serves (checkpoint)"
            )
        return whole[len(start) :]

    def end_id(self, prompt: Asked) -> int | None:
        """See `Vocabulary`."""
        del prompt
        return next(iter(self.ends), None)

    @cached_property
    def _starts(self) -> bool:
        """Whether the tokenizer has a start token that the chat template does not write."""
        with_start, without = (
            ids_of(field(self._http.post("/tokenize", {**body, "model": self._model}), "tokens"))
            for body in (
                {"prompt": "A", "add_special_tokens": True},
                {"prompt": "A", "add_special_tokens": False},
            )
        )
        added = with_start[: len(with_start) - len(without)]
        return bool(added) and self._chat("?")[:1] != added[:1]

    def _holds_control(self, text: str) -> bool:
        return bool(_CONTROL.search(text))

    def _require_whole(self, asked: Conversation) -> None:
        """Refuse a conversation of which the server's template leaves something out."""
        whole = letters(self._detokenize(self._chat(asked)))
        if any(letters(said) not in whole for said in asked.texts):
            raise ModelError(LEFT_OUT)

    def _chat(
        self, asked: Asked, answer: str | None = None, *, is_ended: bool = False
    ) -> tuple[int, ...]:
        """The ids of a prompt and an answer, which is left open for more unless it is ended."""
        messages = chat_messages(asked, None)
        if answer is not None:
            messages.append({"role": "assistant", "content": answer})
        body = {
            "model": self._model,
            "messages": messages,
            "add_generation_prompt": answer is None,
            "continue_final_message": answer is not None and not is_ended,
        }
        return ids_of(field(self._http.post("/tokenize", body), "tokens"))

    def _tokenize(self, text: str, *, control: bool) -> tuple[int, ...]:
        del control
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        return ids_of(field(self._http.post("/tokenize", body), "tokens"))

    def _detokenize(self, ids: tuple[int, ...]) -> str:
        if not ids:
            return ""
        body = {"model": self._model, "tokens": list(ids)}
        return str(field(self._http.post("/detokenize", body), "prompt"))
