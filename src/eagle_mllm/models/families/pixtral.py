"""Pixtral and Mistral Small 3: any image size, the rows of image tokens end with a token."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from transformers import TokenizersBackend

from eagle_mllm.models.families.assembled import AssembledFamily
from eagle_mllm.models.families.base import EncodedPrompt
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.token_grid import TokenView

_END_OF_ROW, _END_OF_IMAGE = "[IMG_BREAK]", "[IMG_END]"


class Pixtral(AssembledFamily):
    """`LlavaForConditionalGeneration` with a Pixtral tower, and `Mistral3ForConditionalGeneration`.

    An image keeps its shape, is made smaller if it is too large, and becomes one token for each
    patch, or for each square of merged patches. Its processor needs torchvision; the image
    processor does not.
    """

    name = "pixtral"
    # As `PixtralProcessor`: these checkpoints name a tokenizer of another family.
    tokenizer_kind = TokenizersBackend

    @classmethod
    def supports(cls, config: Any) -> bool:
        """Others that call themselves `llava` have other towers."""
        return bool(config.vision_config.model_type == "pixtral")

    def placeholder(self, pixels: Tensors) -> str:
        """A token per square, row by row; each row but the last ends with one for its end."""
        rows, columns = (pixels["image_sizes"][0] // self._square).tolist()
        row = self.chat.image_token * columns
        return _END_OF_ROW.join([row] * rows) + _END_OF_IMAGE

    def process(self, images: list[Image.Image]) -> Tensors:
        """Pixels of shape (batch, 3, height, width), and their height and width (batch, 2)."""
        processed = self.parts.image_processor(
            images=images, patch_size=self._square, return_tensors="pt"
        )
        return {name: processed[name] for name in ("pixel_values", "image_sizes")}

    def token_views(self, prompt: EncodedPrompt, views: Sequence[View]) -> Sequence[TokenView]:
        """A token per square, row by row; the ends of rows are not image tokens."""
        rows, columns = (prompt.pixels["image_sizes"][0] // self._square).tolist()
        return [TokenView(views[0], np.arange(rows * columns).reshape(rows, columns))]

    @property
    def _square(self) -> int:
        """Height and width, in pixels, of what becomes one token."""
        merged = getattr(self.config, "spatial_merge_size", 1)
        return int(self.config.vision_config.patch_size) * int(merged)
