"""LLaVA 1.5: one fixed-size crop of the image, one token for each patch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from eagle_mllm.models.families.assembled import AssembledFamily
from eagle_mllm.models.families.base import EncodedPrompt
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.token_grid import TokenView

_CLASS_TOKENS = {"clip_vision_model": 1, "siglip_vision_model": 0}
"""Vision towers served here → tokens they put before the patches."""


class Llava(AssembledFamily):
    """`LlavaForConditionalGeneration` with a CLIP or SigLIP tower.

    By default its image processor resizes the shorter edge and cuts the centre, so that the
    borders of an oblong image are never seen by the model.
    """

    name = "llava"

    @classmethod
    def supports(cls, config: Any) -> bool:
        """Pixtral also calls itself `llava`, but lays out its tokens in rows: `generic` does it."""
        return config.vision_config.model_type in _CLASS_TOKENS

    def placeholder(self, pixels: Tensors) -> str:
        """One image token per patch, and one for the class token if the model keeps it."""
        vision = self.config.vision_config
        height, width = pixels["pixel_values"].shape[-2:]
        patch = int(vision.patch_size)
        tokens = (height // patch) * (width // patch)
        tokens += _CLASS_TOKENS[vision.model_type]
        if self.config.vision_feature_select_strategy == "default":
            tokens -= 1
        return self.chat.image_token * tokens

    def process(self, images: list[Image.Image]) -> Tensors:
        """Pixels of shape (batch, 3, height, width)."""
        processed = self.parts.image_processor(images=images, return_tensors="pt")
        return {"pixel_values": processed["pixel_values"]}

    def token_views(self, prompt: EncodedPrompt, views: Sequence[View]) -> Sequence[TokenView]:
        """A token per patch; pixels beyond the last whole patch have none."""
        (view,) = views
        patch = int(self.config.vision_config.patch_size)
        rows, columns = ((kept.stop - kept.start) // patch for kept in (view.rows, view.columns))
        class_tokens = self._count_image_tokens(prompt) - rows * columns
        tokens = class_tokens + np.arange(rows * columns).reshape(rows, columns)
        return [TokenView(view.corner(rows * patch, columns * patch), tokens)]
