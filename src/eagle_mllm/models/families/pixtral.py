"""Pixtral and Mistral Small 3: any image size, the rows of image tokens end with a token."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import TokenizersBackend
from transformers.models.pixtral.image_processing_pil_pixtral import get_resize_output_image_size

from eagle_mllm.models.families.base import AssembledFamily, EncodedPrompt
from eagle_mllm.models.pixels.pipeline import View, resizes_as, setting_size
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

    def views(self, size: tuple[int, int]) -> tuple[View, ...] | None:
        """One view, the whole image. See `Family.views`."""
        settings = self.parts.image_processor
        limits = setting_size(settings.size)
        if not resizes_as(settings, {"PixtralImageProcessor"}) or "longest_edge" not in limits:
            return None
        edge, square = limits["longest_edge"], self._square
        height, width = get_resize_output_image_size(
            np.empty((3, *size), bool), size=(edge, edge), patch_size=(square, square)
        )
        return (View.whole((height, width)),)

    def token_views(self, prompt: EncodedPrompt, views: Sequence[View]) -> Sequence[TokenView]:
        """A token per square, row by row; the ends of rows are not image tokens."""
        rows, columns = (prompt.pixels["image_sizes"][0] // self._square).tolist()
        return [TokenView(views[0], np.arange(rows * columns).reshape(rows, columns))]

    def arrange(self, views: Sequence[Tensor]) -> Tensors:
        """See `AssembledFamily.arrange`."""
        images = views[0]
        sizes = torch.tensor([images.shape[-2:]], device=images.device)
        return {"pixel_values": images, "image_sizes": sizes.expand(len(images), -1)}

    @property
    def _square(self) -> int:
        """Height and width, in pixels, of what becomes one token."""
        merged = getattr(self.config, "spatial_merge_size", 1)
        return int(self.config.vision_config.patch_size) * int(merged)
