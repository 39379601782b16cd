"""What a model is asked about an image: a prompt, or the last turn of a conversation.

A conversation is read from the messages that chat templates take, one mapping a turn:
`{"role": "user", "content": "What is this?"}`. Content is a text, or a list of items:
`{"type": "text", "text": ...}`, and once `{"type": "image"}` where the image is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eagle_mllm.attribution.words.plain_text import quoted, require_unicode
from eagle_mllm.errors import ModelError

Messages = Sequence[Mapping[str, Any]]
"""A conversation as chat templates take it."""

_ROLES = ("user", "assistant")
_ADVICE = 'expected {"role": ..., "content": ...} with a text or a list of items as content'
_ITEMS = '{"type": "text", "text": ...} or {"type": "image"}'


@dataclass(frozen=True)
class Turn:
    """What one side says at a time."""

    role: Literal["user", "assistant"]
    parts: tuple[str | None, ...]
    """Texts in their order; None is where the image is."""

    @property
    def text(self) -> str:
        """All that is said, without the image."""
        return "".join(part for part in self.parts if part is not None)

    @property
    def message(self) -> dict[str, Any]:
        """As chat templates take it."""
        items = [
            {"type": "image"} if part is None else {"type": "text", "text": part}
            for part in self.parts
        ]
        return {"role": self.role, "content": items}


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Turns about one image, the last of which the model is to answer.

    Raises:
        ModelError: there is no turn, user and model do not take turns, the last is not the user's,
            or there is not one image in the user's turns
    """

    turns: tuple[Turn, ...]
    """The user's and the model's in turn."""

    system: str | None = None
    """The system prompt; None for the one that the model was loaded with."""

    def __post_init__(self) -> None:
        if not self.turns:
            raise ModelError("the conversation is empty; give at least the user's question")
        for number, turn in enumerate(self.turns):
            if turn.role != _ROLES[number % 2]:
                raise ModelError(
                    f"turn {number + 1} of the conversation is the {turn.role}'s; user and "
                    "assistant take turns, and the user begins"
                )
        if self.turns[-1].role != "user":
            raise ModelError(
                "the conversation ends with the assistant; end it with the user's question, and "
                "give an answer to explain by with_answer (--answer)"
            )
        images = [turn.role for turn in self.turns for part in turn.parts if part is None]
        if images != ["user"]:
            raise ModelError(
                f"the conversation has {len(images)} images"
                + (", of the assistant too" if "assistant" in images else "")
                + "; expected one, in a turn of the user"
            )

    @classmethod
    def about(cls, prompt: str) -> "Conversation":
        """A conversation of one turn: the image, then the prompt."""
        return cls(turns=(Turn("user", (None, prompt)),))

    @classmethod
    def from_messages(cls, messages: object) -> "Conversation":
        """A conversation from the messages that chat templates take.

        Args:
            messages: mappings with role (system, user, assistant) and content. Where no item is
                the image, it comes first in the user's first turn

        Raises:
            ModelError: they are something else, or no conversation about one image
        """
        if not isinstance(messages, Sequence) or isinstance(messages, str | bytes):
            raise ModelError(
                f"messages are a list with a turn of the conversation each; got "
                f"{type(messages).__name__}"
            )
        read = [_turn_of(message, number) for number, message in enumerate(messages, start=1)]
        system = None
        if read and read[0][0] == "system":
            system = _system_of(read.pop(0)[1])
        if any(role == "system" for role, _ in read):
            raise ModelError("a system message stands before all others, and there is one at most")
        turns = [Turn(role, parts) for role, parts in read]  # type: ignore[arg-type]
        if turns and turns[0].role == "user" and not any(None in turn.parts for turn in turns):
            turns[0] = Turn("user", (None, *turns[0].parts))
        found = cls(turns=tuple(turns), system=system)
        if not found.prompt.strip():
            raise ModelError("the last message holds no text; end with the user's question")
        return found

    @property
    def prompt(self) -> str:
        """What the user says last."""
        return self.turns[-1].text

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that is said, and the system prompt."""
        said = (part for turn in self.turns for part in turn.parts if part is not None)
        return (*(() if self.system is None else (self.system,)), *said)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The turns as chat templates take them, the system prompt first."""
        turns = [turn.message for turn in self.turns]
        if self.system is None:
            return turns
        return [{"role": "system", "content": [{"type": "text", "text": self.system}]}, *turns]


Asked = str | Conversation
"""A prompt, or a conversation that is more than one."""


def conversation_of(asked: Asked) -> Conversation:
    """What is asked as a conversation."""
    return Conversation.about(asked) if isinstance(asked, str) else asked


def prompt_of(asked: Asked) -> str:
    """What the user says last."""
    return asked if isinstance(asked, str) else asked.prompt


def question_of(prompt: Asked | None, messages: Messages | None) -> Asked:
    """What is asked, by whichever of two arguments; a conversation of one prompt is that prompt.

    Args:
        prompt: the user's words, or a conversation
        messages: a conversation as chat templates take it

    Raises:
        ModelError: both are given or none, or the messages cannot be used
    """
    if (prompt is None) == (messages is None):
        raise ModelError(
            "nothing is asked; give a prompt, or messages"
            if prompt is None
            else "a prompt and messages are given; put the prompt into the last message"
        )
    return simplest(Conversation.from_messages(messages) if prompt is None else prompt)


def simplest(asked: Asked) -> Asked:
    """The same; a conversation of one prompt about an image before it is that prompt."""
    return asked if asked != Conversation.about(prompt_of(asked)) else prompt_of(asked)


def _turn_of(message: object, number: int) -> tuple[str, tuple[str | None, ...]]:
    if not isinstance(message, Mapping) or not {"role", "content"} == {*message}:
        raise ModelError(f"message {number} is not a turn; {_ADVICE}")
    role, content = message["role"], message["content"]
    if role not in ("system", *_ROLES):
        raise ModelError(
            f"message {number} has the role {str(role)[:40]!r}; choose system, user or assistant"
        )
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, Sequence) or isinstance(content, bytes) or not content:
        raise ModelError(f"message {number} says nothing; {_ADVICE}")
    return role, tuple(_part_of(item, number) for item in content)


def _part_of(item: object, number: int) -> str | None:
    if item == {"type": "image"}:
        return None
    if isinstance(item, Mapping) and item.get("type") == "image":
        raise ModelError(
            f"message {number} brings an image of its own; give the image as the argument, and "
            'write {"type": "image"}'
        )
    text = item.get("text") if isinstance(item, Mapping) else None
    if not isinstance(text, str) or item != {"type": "text", "text": text}:
        raise ModelError(f"message {number} holds {quoted(str(item)[:60])}; expected {_ITEMS}")
    require_unicode(text, f"message {number}", error=ModelError)
    return text


def _system_of(parts: tuple[str | None, ...]) -> str:
    if None in parts:
        raise ModelError("the system message holds the image; put it into a turn of the user")
    return "".join(part for part in parts if part is not None)
