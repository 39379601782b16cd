"""Turns as a chat template writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from eagle_mllm.attribution.conversation import Turn


def rendered(
    tokenizer: Any,
    template: str,
    turns: Sequence[Turn],
    *,
    system: str | None,
    open_answer: bool,
    options: Mapping[str, Any],
) -> str:
    """The text of some turns.

    Args:
        tokenizer: of transformers
        template: in Jinja's language
        turns: of user and model
        system: the system prompt; None for what the template does without one
        open_answer: whether the model's next turn is begun
        options: of the template

    Raises:
        TemplateError: the template refuses
    """
    messages = [turn.message for turn in turns]
    if system is not None:
        content = [{"type": "text", "text": system}]
        messages = [{"role": "system", "content": content}, *messages]

    def applied(messages: list[dict[str, Any]]) -> str:
        return str(
            tokenizer.apply_chat_template(
                messages,
                chat_template=template,
                add_generation_prompt=open_answer,
                tokenize=False,
                **options,
            )
        )

    text = applied(messages)
    # Some templates take a list with an image, and else nothing but strings.
    is_misread = any(str(message["content"]) in text for message in messages)
    return applied([*map(_as_string, messages)]) if is_misread else text


def _as_string(message: dict[str, Any]) -> dict[str, Any]:
    """The same with its content as a text, where it holds no image."""
    items = message["content"]
    if any(item["type"] == "image" for item in items):
        return message
    return {**message, "content": "".join(item["text"] for item in items)}
