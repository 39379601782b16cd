"""Prompts of checkpoints without a chat template: those that were trained, but not to chat."""

from typing import Any

_TEMPLATES = {
    # `GotOcr2Processor` writes this around its one question; the checkpoint has no template.
    "got_ocr2": (
        "{% for message in messages %}{% if message['role'] == 'user' %}<|im_start|>system\n"
        "You should follow the instructions carefully and explain your answers in detail."
        "<|im_end|><|im_start|>user\n"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        "<img><imgpad></img>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>"
        "{% else %}<|im_start|>assistant\n{{ message['content'][0]['text'] }}<|im_end|>"
        "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
}
"""`model_type` → the format in which transformers' own code asks a model, as a template."""

_IMAGE_IDS = ("image_token_id", "image_token_index", "image_patch_id")

_BORDERS = (
    ("vision_start_token_id", "vision_end_token_id"),
    ("image_start_token_id", "image_end_token_id"),
)
"""What a configuration calls the tokens between which an image is, in a prompt."""


def bare_template(config: Any) -> str | None:
    """The chat template of a model whose checkpoint has none although it answers; usually None.

    Args:
        config: the model's transformers configuration
    """
    return _TEMPLATES.get(config.model_type)


def image_ids(config: Any, processor: Any) -> set[int]:
    """The vocabulary ids that take the place of an image, as far as anybody names them.

    Args:
        config: the model's transformers configuration
        processor: of the same checkpoint
    """
    holders = [(config, name) for name in _IMAGE_IDS] + [(processor, "image_token_id")]
    found = [getattr(holder, name, None) for holder, name in holders]
    return {token for token in found if type(token) is int}


def surrounded(placeholder: str, config: Any, tokenizer: Any) -> str:
    """An image's placeholder between the tokens that the model was trained to see around it.

    Args:
        placeholder: the text that stands for the image
        config: the model's transformers configuration
        tokenizer: of the same checkpoint
    """
    for borders in _BORDERS:
        ids = [getattr(config, name, None) for name in borders]
        if all(type(token) is int for token in ids):
            start, end = map(str, tokenizer.convert_ids_to_tokens(ids))
            return f"{start}{placeholder}{end}"
    return placeholder
