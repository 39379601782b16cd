"""The tokenizer and chat template of llama.cpp's server."""

import re
from functools import cached_property
from typing import Any

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, conversation_of
from eagle_mllm.attribution.words.plain_text import letters, quoted
from eagle_mllm.engines.http import Http
from eagle_mllm.engines.messages import chat_messages
from eagle_mllm.engines.reading import field, id_of
from eagle_mllm.engines.server_vocabulary import LEFT_OUT, ServerVocabulary
from eagle_mllm.engines.vocabulary import Opened
from eagle_mllm.errors import ModelError, TargetError

PLACEHOLDER = "<__media__>"
"""Stands for the image in the texts of this file; the server's own is another after each start."""

MARKER = re.compile(r"<__media_(?:[A-Za-z0-9]+_)?_>")
"""What the server itself writes for an image."""

_ANSWER = "answer"
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}


class LlamaVocabulary(ServerVocabulary):
    """Asks `/tokenize`, `/detokenize` and `/apply-template`, which run no model.

    Args:
        http: the server
        end: what its model ends an answer with, as in "<|im_end|>"
    """

    def __init__(self, http: Http, *, end: str) -> None:
        super().__init__()
        self._http = http
        self._end = end

    @cached_property
    def ends(self) -> frozenset[int]:
        """See `Vocabulary`."""
        usual = self._tokenize(self._end, control=True)
        return frozenset({*usual[:1], *self._written_after_answers[:1]})

    @property
    def special(self) -> frozenset[int]:
        """See `Vocabulary`."""
        return self.ends

    def open(self, image: RGBImage, prompt: Asked) -> Opened:
        """See `Vocabulary`."""
        del image
        self._require_prompt(prompt)
        text = self._turns(chat_messages(prompt, _IMAGE), open_answer=True)
        if text.count(PLACEHOLDER) != 1:
            raise ModelError(
                f"the chat template of the served model writes {text.count(PLACEHOLDER)} images "
                "instead of 1; serve a chat model that reads images, with its vision file (mmproj)"
            )
        if any(letters(said) not in letters(text) for said in conversation_of(prompt).texts):
            raise ModelError(LEFT_OUT)
        return Opened(prompt=prompt, text=text, placeholder=PLACEHOLDER)

    def encode_answer(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        """See `Vocabulary`."""
        self._require_answer(answer)
        start = self._turns(chat_messages(prompt, _IMAGE), open_answer=True).partition(PLACEHOLDER)[
            2
        ]
        before, _ = self._around_answer(prompt, answer.strip())
        if answer.startswith(before):
            before = ""
        ids = self._tokenize(start, control=True)
        whole = self._tokenize(f"{start}{before}{answer}", control=True)
        if whole[: len(ids)] != ids:
            # The tokenizer joins the end of the prompt with the answer: the model cannot.
            return self._tokenize(f"{before}{answer}", control=False)
        if len(whole) == len(ids):
            raise TargetError(f"the vocabulary cannot write {quoted(answer)}; use other words")
        return whole[len(ids) :]

    def end_id(self, prompt: Asked) -> int | None:
        """See `Vocabulary`."""
        del prompt
        return next(iter(self._written_after_answers or self.ends), None)

    @cached_property
    def _written_after_answers(self) -> tuple[int, ...]:
        """The control tokens that the template writes right after an answer."""
        _, after = self._around_answer("?", _ANSWER)
        written = self._tokenize(after.strip(), control=True)
        return written[:1] if self._holds_control(after) else ()

    def _around_answer(self, prompt: Asked, answer: str) -> tuple[str, str]:
        """What the template writes between prompt and answer, and after the answer."""
        reply = {"role": "assistant", "content": answer}
        start = self._turns(chat_messages(prompt, _IMAGE), open_answer=True)
        # The server leaves an answer open where it is the last message.
        whole = self._turns([*chat_messages(prompt, _IMAGE), reply, _NEXT], open_answer=False)
        turn = whole.removeprefix(start)
        before, found, after = turn.partition(answer)
        if turn == whole or not found or before.strip():
            return "", ""
        return before, after

    def _turns(self, messages: list[dict[str, Any]], *, open_answer: bool) -> str:
        body = {"messages": messages, "add_generation_prompt": open_answer}
        text = str(field(self._http.post("/apply-template", body), "prompt"))
        return MARKER.sub(PLACEHOLDER, text)

    def _tokenize(self, text: str, *, control: bool) -> tuple[int, ...]:
        if not text:
            return ()
        body = {"content": text, "add_special": False, "parse_special": control}
        return tuple(map(id_of, field(self._http.post("/tokenize", body), "tokens")))

    def _detokenize(self, ids: tuple[int, ...]) -> str:
        if not ids:
            return ""
        return str(field(self._http.post("/detokenize", {"tokens": list(ids)}), "content"))


_NEXT = {"role": "user", "content": "?"}
