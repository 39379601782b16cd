"""Turns as OpenAI's protocol writes them, with a picture in the place of the image."""

from collections.abc import Mapping
from typing import Any

from eagle_mllm.attribution.conversation import Asked, Turn, conversation_of
from eagle_mllm.engines.pictures import data_url


def chat_messages(asked: Asked, image: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The turns, the system prompt first.

    Args:
        asked: a prompt, or a conversation
        image: what stands where the image is; None leaves it out
    """
    conversation = conversation_of(asked)
    turns = [_message(turn, image) for turn in conversation.turns]
    if conversation.system is None:
        return turns
    return [{"role": "system", "content": conversation.system}, *turns]


def picture_part(picture: bytes) -> dict[str, Any]:
    """A PNG file as an item of a message."""
    # Never a `uuid`: vLLM would show the first image of that name for all others.
    return {"type": "image_url", "image_url": {"url": data_url(picture)}}


def _message(turn: Turn, image: Mapping[str, Any] | None) -> dict[str, Any]:
    if None not in turn.parts:
        return {"role": turn.role, "content": turn.text}
    parts = [image if part is None else {"type": "text", "text": part} for part in turn.parts]
    return {"role": turn.role, "content": [part for part in parts if part is not None]}
