"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: any image size, positions in three dimensions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from eagle_mllm.models.families.assembled import AssembledFamily
from eagle_mllm.models.families.base import EncodedPrompt
from eagle_mllm.models.families.qwen_vision import QwenVision
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.token_grid import TokenView
from eagle_mllm.models.vision import VisionEncoder


class QwenVL(AssembledFamily):
    """The Qwen vision-language models.

    An image keeps its shape: it is resized to a multiple of the merged patch and becomes
    `grid_h x grid_w / merge²` tokens. Each token has a (time, height, width) position.
    transformers 5 falls back to plain positions, without a word, when it is not told which
    tokens are image tokens, and after `generate` it may reuse an offset of that call; so
    positions are computed once, by the model's own `get_rope_index`, and always passed.
    """

    name = "qwen_vl"

    def placeholder(self, pixels: Tensors) -> str:
        """One image token for each square of merged patches."""
        merge = int(self.parts.image_processor.merge_size)
        return self.chat.image_token * (int(pixels["image_grid_thw"][0].prod()) // merge**2)

    def process(self, images: list[Image.Image]) -> Tensors:
        """Flattened patches (batch · patches, values) and their grids (batch, 3)."""
        processed = self.parts.image_processor(images=images, return_tensors="pt")
        return {
            "pixel_values": processed["pixel_values"],
            "image_grid_thw": processed["image_grid_thw"],
        }

    def token_views(self, prompt: EncodedPrompt, views: Sequence[View]) -> Sequence[TokenView]:
        """A token per square of merged patches, row by row."""
        merge = int(self.parts.image_processor.merge_size)
        _, rows, columns = (prompt.pixels["image_grid_thw"][0] // merge).tolist()
        return [TokenView(views[0], np.arange(rows * columns).reshape(rows, columns))]

    def vision_encoder(
        self, module: Any, prompt: EncodedPrompt, pixels: PixelSource
    ) -> VisionEncoder | None:
        """That of any image, which asks nothing of the subsets. See `Family.vision_encoder`."""
        del pixels
        return self.image_encoder(module, prompt)

    def image_encoder(self, module: Any, prompt: EncodedPrompt) -> VisionEncoder | None:
        """Equal windows as one batch. See `Family.image_encoder`."""
        if not QwenVision.is_served(module):
            return None
        return QwenVision(module, prompt.pixels["image_grid_thw"])

    def text_inputs(
        self, module: Any, prompt: EncodedPrompt, ids: Tensor, *, batch: int
    ) -> Tensors:
        """Ids, and positions of shape (3, 1, length), the same for all."""
        row = ids.expand(1, -1)
        positions, _ = module.model.get_rope_index(
            row,
            mm_token_type_ids=self._token_types(row),
            image_grid_thw=prompt.pixels["image_grid_thw"].to(row.device),
        )
        return {
            "input_ids": ids.expand(batch, -1),
            "position_ids": positions,
        }

    def generation_inputs(self, prompt: EncodedPrompt) -> Tensors:
        """Also says which tokens are image tokens."""
        inputs = super().generation_inputs(prompt)
        return inputs | {"mm_token_type_ids": self._token_types(inputs["input_ids"])}

    def _token_types(self, ids: Tensor) -> Tensor:
        return torch.eq(ids, int(self.config.image_token_id)).int()
