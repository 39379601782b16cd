"""Prompts and answers as a chat model reads and writes them."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from eagle_mllm.errors import ModelError, TargetError


class Chat:
    """A tokenizer with the chat template of its checkpoint.

    Args:
        tokenizer: the checkpoint's tokenizer.
        template: its chat template; None for a model that was not trained to chat: its prompt is
            the image followed by the user's text.
        image_token: the placeholder of an image in the text.
    """

    def __init__(self, tokenizer: Any, template: str | None, image_token: str) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.image_token = image_token

    def prompt_text(self, prompt: str) -> str:
        """The user's prompt about one image, up to where the model starts to answer.

        Raises:
            ModelError: the chat template cannot be applied.
        """
        if self.template is None:
            return f"{self.image_token}{prompt}"
        try:
            return self._render([_user(prompt)], open_answer=True)
        except TemplateError as error:
            raise ModelError(
                f"the checkpoint's chat template cannot write an image and a text: {error}"
            ) from error

    def encode_prompt(self, text: str) -> tuple[int, ...]:
        """Token ids of a prompt in which the image placeholder is already expanded."""
        return self._encode(text, special=self.adds_special_tokens(text))

    def adds_special_tokens(self, text: str) -> bool:
        """Whether the tokenizer should add its start token: not where the template wrote it."""
        start = self.tokenizer.bos_token
        return start is None or not text.startswith(start)

    def encode_answer(self, prompt: str, answer: str) -> tuple[int, ...]:
        """Token ids of `answer` as the model would write it after `prompt`, without an end token.

        The answer is tokenized behind its prompt, with the white space that the template puts
        between the two, so that its first word is the piece the model itself would choose.

        Raises:
            TargetError: the answer is empty, or the vocabulary cannot write it.
        """
        if not answer.strip():
            raise TargetError("the answer is empty; give the text to explain")
        ids = self._answer_ids(prompt, answer)
        if self.tokenizer.unk_token_id in ids:
            raise TargetError(f"the vocabulary cannot write {answer!r}; use other words")
        return ids

    def _answer_ids(self, prompt: str, answer: str) -> tuple[int, ...]:
        if self.template is None:
            return self._encode(answer, special=False)
        text = self.prompt_text(prompt)
        before, _ = self._around_answer(prompt, answer.strip())
        if answer.startswith(before):
            before = ""
        special = self.adds_special_tokens(text)
        start = self._encode(text, special=special)
        whole = self._encode(f"{text}{before}{answer}", special=special)
        if whole[: len(start)] != start:
            # The tokenizer joins the end of the prompt with the answer: the model cannot.
            return self._encode(f"{before}{answer}", special=False)
        return whole[len(start) :]

    def end_id(self, prompt: str, ends: Sequence[int]) -> int | None:
        """The id that ends an answer: the one the template writes, else the first of `ends`."""
        if self.template is not None:
            _, after = self._around_answer(prompt, "answer")
            for written in self._encode(after, special=False):
                if written in ends:
                    return written
        own = self.tokenizer.eos_token_id
        if own in ends or not ends:
            return None if own is None else int(own)
        return ends[0]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids` without special tokens."""
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def _around_answer(self, prompt: str, answer: str) -> tuple[str, str]:
        """What the template writes between prompt and answer, and after the answer."""
        reply = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
        try:
            whole = self._render([_user(prompt), reply], open_answer=False)
        except TemplateError:
            return "", ""
        start = self.prompt_text(prompt)
        turn = whole.removeprefix(start)
        before, found, after = turn.partition(answer)
        if turn == whole or not found or before.strip():
            return "", ""
        return before, after

    def _render(self, messages: list[dict[str, Any]], *, open_answer: bool) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                messages,
                chat_template=self.template,
                add_generation_prompt=open_answer,
                tokenize=False,
            )
        )

    def _encode(self, text: str, *, special: bool) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=special)["input_ids"])


def chat_template(*holders: Any) -> str | None:
    """The chat template of the first processor or tokenizer that has one."""
    for holder in holders:
        template = getattr(holder, "chat_template", None)
        if isinstance(template, dict):  # several, by name
            template = template.get("default")
        if template:
            return str(template)
    return None


def _user(prompt: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}
