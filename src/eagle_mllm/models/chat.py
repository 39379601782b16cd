"""Prompts and answers as a chat model reads and writes them.

A vocabulary holds control tokens besides its text: ends of turns, placeholders of images. Where a
text spells one out, the tokenizer reads the token and not its letters. An answer with one is
refused. A prompt may hold those that mark something in the text, such as boxes; those that would
end the user's turn, begin another, or stand for one more image are refused.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from eagle_mllm.attribution.conversation import Asked, Conversation, Turn, conversation_of
from eagle_mllm.attribution.words.plain_text import letters, quoted, require_unicode
from eagle_mllm.errors import ModelError, TargetError
from eagle_mllm.models.rendering import rendered

_OPEN_THOUGHT = re.compile(r"<(think\w*)>\s*$", re.IGNORECASE)
_CLOSING = re.compile(r"\s*(</\w+>\s*)?")
"""What may be between a prompt and an answer: white space, and the end of a thought."""

_MEDIA = re.compile("image|img|video|vision|audio", re.IGNORECASE)


class Chat:
    """A tokenizer with the chat template of its checkpoint.

    It knows no weights, so whoever keeps it keeps no model in memory.

    Args:
        tokenizer: the checkpoint's tokenizer
        template: its chat template; None for a model that was not trained to chat: its prompt is
            the image followed by the user's text
        image_token: the placeholder of an image in the text
        bare_image: what stands for the image where there is no template; by default the placeholder
        options: of the template, such as `{"enable_thinking": False}`
        system: the system prompt; None for what the template does without one

    Raises:
        ModelError: the template does not read one of the options
    """

    def __init__(
        self,
        tokenizer: Any,
        template: str | None,
        image_token: str,
        *,
        bare_image: str | None = None,
        options: Mapping[str, Any] | None = None,
        system: str | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.image_token = image_token
        self.bare_image = image_token if bare_image is None else bare_image
        self.options = dict(options or {})
        self.system = system
        self._require_known_options()

    def prompt_text(self, prompt: Asked) -> str:
        """What is asked about one image, up to where the model starts to answer.

        Raises:
            ModelError: the chat template cannot be applied or leaves out a turn, or the prompt is
                not Unicode or holds a control token that would end the turn or stand for one more
                image
        """
        asked = conversation_of(prompt)
        for text in asked.texts:
            require_unicode(text, "the prompt", error=ModelError)
            self._require_one_turn(text)
        return self._turns(asked)

    def answered_text(self, prompt: Asked) -> str:
        """The same up to where a given answer starts: behind the thought that the prompt opens.

        Raises:
            ModelError: as `prompt_text`
        """
        text = self.prompt_text(prompt)
        before = "" if self.template is None else self._around_answer(prompt, "answer")[0]
        return text + before if before.strip() else text

    @property
    def control_tokens(self) -> Mapping[int, str]:
        """The vocabulary ids that write no text, with their names; those added by now as well."""
        ids = {*self.tokenizer.all_special_ids, *_added_controls(self.tokenizer)}
        if self.image_token:
            ids.add(self.tokenizer.convert_tokens_to_ids(self.image_token))
        return {token: str(self.tokenizer.convert_ids_to_tokens(token)) for token in sorted(ids)}

    def encode_prompt(self, text: str) -> tuple[int, ...]:
        """Token ids of a prompt in which the image placeholder is already expanded."""
        return self._encode(text, special=self.adds_special_tokens(text))

    def adds_special_tokens(self, text: str) -> bool:
        """Whether the tokenizer should add its start token: not where the template wrote it."""
        start = self.tokenizer.bos_token
        return start is None or not text.startswith(start)

    def encode_answer(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        """Token ids of `answer` as the model would write it after `prompt`, without an end token.

        The answer is tokenized behind its prompt, with the white space that the template puts
        between the two, so that its first word is the piece the model itself would choose.

        Raises:
            TargetError: the answer is empty or not Unicode, holds a control token, or cannot be
                written with the vocabulary. A vocabulary may still write it in another Unicode
                form, case or white space
        """
        require_unicode(answer, "the answer")
        if not answer.strip():
            raise TargetError("the answer is empty; give the text to explain")
        ids = self._answer_ids(prompt, answer)
        if self.tokenizer.unk_token_id in ids:
            raise TargetError(f"the vocabulary cannot write {quoted(answer)}; use other words")
        if control := self._control_tokens_among(ids):
            raise TargetError(
                f"{control[0]!r} in {quoted(answer)} is a control token of this model, not text; "
                "leave it out"
            )
        written = self.decode(ids)
        if letters(written) != letters(answer):
            raise TargetError(
                f"the vocabulary writes {quoted(answer)} as {quoted(written)}; use other words"
            )
        return ids

    def _answer_ids(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        if self.template is None:
            return self._encode(answer, special=False)
        text = self.answered_text(prompt)
        before, _ = self._around_answer(prompt, answer.strip())
        if before.strip() or answer.startswith(before):
            before = ""
        special = self.adds_special_tokens(text)
        start = self._encode(text, special=special)
        whole = self._encode(f"{text}{before}{answer}", special=special)
        if whole[: len(start)] != start:
            # The tokenizer joins the end of the prompt with the answer: the model cannot.
            return self._encode(f"{before}{answer}", special=False)
        return whole[len(start) :]

    def end_id(self, prompt: Asked, ends: Sequence[int]) -> int | None:
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

    def _control_tokens_among(self, ids: Sequence[int]) -> list[str]:
        names = self.control_tokens
        return [names[token] for token in ids if token in names]

    def _require_one_turn(self, prompt: str) -> None:
        for name in self._control_tokens_among(self._encode(prompt, special=False)):
            if name in self._structure or _MEDIA.search(name):
                raise ModelError(
                    f"the prompt contains {name!r}, which would end the user's turn or stand for "
                    "something other than text; remove it from your prompt"
                )

    def _require_known_options(self) -> None:
        for name in self.options:
            if self.template is not None and not re.search(
                rf"\b{re.escape(name)}\b", self.template
            ):
                raise ModelError(
                    f"the checkpoint's chat template does not read an option {name!r}; look into "
                    "the template for those that it has"
                )

    @cached_property
    def _structure(self) -> frozenset[str]:
        """The control tokens that the template writes around a prompt, and those of sequences."""
        tokenizer = self.tokenizer
        written = self._control_tokens_among(
            self._encode(self._turns(Conversation.about("a")), special=False)
        )
        ends = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token)
        return frozenset((*written, *(str(token) for token in ends if token is not None)))

    def _turns(self, asked: Conversation) -> str:
        system = self._system(asked)
        if self.template is None:
            if system is not None or self.options or len(asked.turns) > 1:
                raise ModelError(
                    "the checkpoint has no chat template, so it takes neither a system prompt nor "
                    "options of a template nor earlier turns; leave them out"
                )
            parts = asked.turns[0].parts
            return "".join(self.bare_image if part is None else part for part in parts)
        try:
            text = self._render(asked.turns, system=system, open_answer=True)
        except TemplateError as error:
            what = "these turns" if len(asked.turns) > 1 else "an image and a text"
            raise ModelError(
                f"the checkpoint's chat template cannot write {what}: {error}"
            ) from error
        if system is not None and system.strip() not in text:
            raise ModelError(
                "the checkpoint's chat template has no place for a system prompt; leave it out, or "
                "put it into the prompt"
            )
        for turn in asked.turns[:-1]:
            if any(part is not None and part.strip() not in text for part in turn.parts):
                raise ModelError(
                    f"the checkpoint's chat template leaves out or changes {quoted(turn.text)} of "
                    "an earlier turn; give only what it writes"
                )
        return text

    def _system(self, asked: Conversation) -> str | None:
        if None not in (asked.system, self.system) and asked.system != self.system:
            raise ModelError(
                "the conversation has another system prompt than the one that the model was loaded "
                "with; leave one of them out"
            )
        return self.system if asked.system is None else asked.system

    def _around_answer(self, prompt: Asked, answer: str) -> tuple[str, str]:
        """What the template writes between prompt and answer, and after the answer.

        A template that begins an answer with a thought wants the thought closed before the answer.
        """
        asked = conversation_of(prompt)
        turns = (*asked.turns, Turn("assistant", (answer,)))
        try:
            whole = self._render(turns, system=self._system(asked), open_answer=False)
        except TemplateError:
            whole = ""
        start = self.prompt_text(prompt)
        turn = whole.removeprefix(start)
        before, found, after = turn.partition(answer)
        if turn != whole and found and _CLOSING.fullmatch(before):
            return before, after
        thought = _OPEN_THOUGHT.search(start)
        if thought is None:
            return "", ""
        # What the template writes after the answer stays the same.
        return f"\n</{thought[1]}>\n\n", whole.rpartition(answer)[2]

    def _render(self, turns: Sequence[Turn], *, system: str | None, open_answer: bool) -> str:
        return rendered(
            self.tokenizer,
            self.template or "",
            turns,
            system=system,
            open_answer=open_answer,
            options=self.options,
        )

    def _encode(self, text: str, *, special: bool) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=special)["input_ids"])


def chat_template(*holders: Any) -> str | None:
    """The chat template of the first processor or tokenizer that has one."""
    templates = (default_template(getattr(holder, "chat_template", None)) for holder in holders)
    return next(filter(None, templates), None)


def default_template(written: Any) -> str | None:
    """The template to use of what a checkpoint has: one, several by name, or none."""
    template = written.get("default") if isinstance(written, dict) else written
    return str(template) if template else None


def _added_controls(tokenizer: Any) -> list[int]:
    try:
        added = tokenizer.added_tokens_decoder
    except NotImplementedError:  # Mistral's own tokenizer counts them all as special
        return []
    return [token for token, entry in added.items() if entry.special]
