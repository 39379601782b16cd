"""Any image-text-to-text model of transformers, through its own processor."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.errors import ImageError, ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family, ProcessorParts
from eagle_mllm.models.pixels.source import Tensors

_TOKEN_TYPES = ("token_type_ids", "mm_token_type_ids")
_PER_TOKEN = ("attention_mask", "cross_attention_mask", *_TOKEN_TYPES)
_DROPPED = ("input_ids", "labels", "special_tokens_mask")

_ANSWER_TYPE = {"paligemma": 1}
"""Token type of an answer where it is not 0: PaliGemma reads type 0 in both directions."""


class Generic(Family):
    """A slower path that needs no knowledge of the model: the processor runs once per image."""

    name = "generic"
    needs_processor = True

    def __init__(self, config: Any, parts: ProcessorParts) -> None:
        if parts.processor is None:
            raise ModelError(
                f"a {config.model_type!r} model is served through its whole processor; "
                "pass `processor=`"
            )
        super().__init__(config, parts)

    def encode(self, image: RGBImage, prompt: str) -> EncodedPrompt:
        """See `Family.encode`."""
        text = self.chat.prompt_text(prompt)
        inputs = self._process(image, text)
        ids = tuple(inputs["input_ids"][0].tolist())
        extras = {name: value for name, value in inputs.items() if name in _PER_TOKEN}
        return EncodedPrompt(
            prompt=prompt,
            size=image.shape[:2],
            text=text,
            ids=ids,
            pixels=_pixel_arguments(inputs),
            extras=extras,
        )

    def pixels(self, images: Sequence[RGBImage], prompt: EncodedPrompt) -> Tensors:
        """See `Family.pixels`."""
        # One call per image: processors differ in how they nest and pad larger batches.
        each = [_pixel_arguments(self._process(image, prompt.text)) for image in images]
        return {name: torch.cat([inputs[name] for inputs in each]) for name in each[0]}

    def text_inputs(
        self, module: Any, prompt: EncodedPrompt, ids: Tensor, *, batch: int
    ) -> Tensors:
        """Ids, and whatever the processor says about each token, continued over the answer."""
        del module
        row = ids.expand(1, -1)
        inputs = {"input_ids": row}
        for name, value in prompt.extras.items():
            inputs[name] = self._continued(name, value.to(ids.device), row.shape[1])
        return {
            name: value.expand(batch, *value.shape[1:]).contiguous()
            for name, value in inputs.items()
        }

    def generation_inputs(self, prompt: EncodedPrompt) -> Tensors:
        """See `Family.generation_inputs`."""
        return {"input_ids": torch.tensor([prompt.ids]), **prompt.extras, **prompt.pixels}

    def _continued(self, name: str, value: Tensor, length: int) -> Tensor:
        added = length - value.shape[1]
        if added <= 0:
            return value[:, :length]
        tail = value[:, -1:].repeat(1, added, *[1] * (value.ndim - 2))
        if name in _TOKEN_TYPES:
            tail = torch.full_like(tail, _ANSWER_TYPE.get(self.config.model_type, 0))
        return torch.cat([value, tail], dim=1)

    def _image_token(self) -> str:
        token = getattr(self.parts.processor, "image_token", None)
        return str(token) if token is not None else ""

    def _process(self, image: RGBImage, text: str) -> Tensors:
        options: dict[str, Any] = {"add_special_tokens": self.chat.adds_special_tokens(text)}
        try:
            processed = self.parts.processor(
                images=[Image.fromarray(image)], text=text, return_tensors="pt", **options
            )
        except ValueError as error:
            height, width = image.shape[:2]
            raise ImageError(
                f"the model's processor refuses this prompt with an image of {width}x{height} "
                f"pixels: {error}"
            ) from error
        return {name: value for name, value in processed.items() if isinstance(value, Tensor)}


def _pixel_arguments(inputs: Tensors) -> Tensors:
    text = {*_PER_TOKEN, *_DROPPED}
    return {name: value for name, value in inputs.items() if name not in text}
