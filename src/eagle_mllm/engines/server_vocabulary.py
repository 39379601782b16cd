"""A vocabulary that asks the server itself: for ids of a text, and for the text of ids."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from eagle_mllm.attribution.conversation import Asked, conversation_of
from eagle_mllm.attribution.words.plain_text import quoted, require_unicode
from eagle_mllm.engines.vocabulary import Vocabulary
from eagle_mllm.errors import ModelError, TargetError

LEFT_OUT = (
    "the chat template of the served model leaves out the system prompt or earlier turns; ask by a "
    "prompt alone"
)
_REMEMBERED = 4096


class ServerVocabulary(Vocabulary):
    """What servers with a tokenizer have in common.

    A control token is told from text by asking twice, once with and once without a meaning for
    control tokens: what differs holds one.
    """

    source = "server"

    def __init__(self) -> None:
        self._remember()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_text"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._remember()

    def _remember(self) -> None:
        self._text = lru_cache(_REMEMBERED)(self._detokenize)

    @abstractmethod
    def _tokenize(self, text: str, *, control: bool) -> tuple[int, ...]:
        """The ids of a text, without a start token.

        Args:
            text: any
            control: whether names of control tokens mean these tokens
        """

    @abstractmethod
    def _detokenize(self, ids: tuple[int, ...]) -> str:
        """The text of ids, none of them special."""

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vocabulary`."""
        return self._text(tuple(token for token in ids if token not in self.special))

    def _require_prompt(self, prompt: Asked) -> None:
        for text in conversation_of(prompt).texts:
            require_unicode(text, "the prompt", error=ModelError)
            if self._holds_control(text):
                raise ModelError(
                    "the prompt contains a control token of this model, which would end the user's "
                    "turn or stand for something other than text; remove it from your prompt"
                )

    def _require_answer(self, answer: str) -> None:
        require_unicode(answer, "the answer")
        if not answer.strip():
            raise TargetError("the answer is empty; give the text to explain")
        if self._holds_control(answer):
            raise TargetError(
                f"{quoted(answer)} holds a control token of this model, not text; leave it out"
            )

    def _holds_control(self, text: str) -> bool:
        return self._tokenize(text, control=True) != self._tokenize(text, control=False)
