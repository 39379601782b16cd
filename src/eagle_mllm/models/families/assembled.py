"""Families whose inputs are put together here."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer

from eagle_mllm.arrays import RGBImage
from eagle_mllm.errors import ImageError, ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.pixels.pipeline import PixelPipeline, View
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.pixels.tracing import traced_pipeline
from eagle_mllm.models.token_grid import TokenGrid, TokenView


class AssembledFamily(Family):
    """A family whose inputs are put together here, without the checkpoint's full processor.

    The full processors of transformers need torchvision; the tokenizer and the PIL image
    processor do not. What is left of a processor is the placeholder expansion, a line per family.
    """

    tokenizer_kind: ClassVar[Any] = AutoTokenizer
    """The class of transformers that reads the checkpoint's tokenizer."""

    @abstractmethod
    def placeholder(self, pixels: Tensors) -> str:
        """The text that takes the place of an image with these pixel arguments."""

    @abstractmethod
    def process(self, images: list[Image.Image]) -> Tensors:
        """Pixel arguments of a batch, from the image processor."""

    @abstractmethod
    def token_views(self, prompt: EncodedPrompt, views: Sequence[View]) -> Sequence[TokenView]:
        """The image tokens that cover each view of the prompt's image."""

    def token_grid(self, prompt: EncodedPrompt) -> TokenGrid:
        """See `Family.token_grid`."""
        pipeline = self.pixel_pipeline(prompt.size)
        if pipeline is None or pipeline.is_padded:
            raise ModelError(
                f"where the image tokens look is not known with the settings of this checkpoint's "
                f"{type(self.parts.image_processor).__name__}; use its default settings, or a "
                "method that only asks for scores"
            )
        positions = np.flatnonzero(np.equal(prompt.ids, int(self.config.image_token_id)))
        return TokenGrid(
            size=prompt.size,
            positions=positions,
            views=tuple(self.token_views(prompt, pipeline.views)),
        )

    def encode(self, image: RGBImage, prompt: str, *, text: str | None = None) -> EncodedPrompt:
        """See `Family.encode`."""
        text = self.chat.prompt_text(prompt) if text is None else text
        if (found := text.count(self.chat.image_token)) != 1:
            raise ModelError(
                f"the prompt, as the chat template writes it, has {found} image placeholders "
                f"({self.chat.image_token}) instead of 1; "
                + (
                    "remove it from your prompt"
                    if found
                    else "the checkpoint's chat template takes no images, use a chat checkpoint"
                )
            )
        pixels = self._process([image])
        expanded = text.replace(self.chat.image_token, self.placeholder(pixels))
        return EncodedPrompt(
            prompt=prompt,
            size=image.shape[:2],
            text=text,
            ids=self.chat.encode_prompt(expanded),
            pixels=pixels,
            extras={},
        )

    def pixels(self, images: Sequence[RGBImage], prompt: EncodedPrompt) -> Tensors:
        """See `Family.pixels`."""
        del prompt
        return self._process(images)

    def text_inputs(
        self, module: Any, prompt: EncodedPrompt, ids: Tensor, *, batch: int
    ) -> Tensors:
        """See `Family.text_inputs`."""
        del module, prompt
        return {"input_ids": ids.expand(batch, -1)}

    def generation_inputs(self, prompt: EncodedPrompt) -> Tensors:
        """See `Family.generation_inputs`."""
        ids = torch.tensor([prompt.given_ids or prompt.ids])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), **prompt.pixels}

    def _count_image_tokens(self, prompt: EncodedPrompt) -> int:
        return prompt.ids.count(int(self.config.image_token_id))

    def _traced(self, size: tuple[int, int]) -> PixelPipeline | None:
        return traced_pipeline(self._process, size, batch=lambda _: 0)

    def _process(self, images: Sequence[RGBImage]) -> Tensors:
        try:
            return self.process([Image.fromarray(image) for image in images])
        except ValueError as error:
            height, width = images[0].shape[:2]
            raise ImageError(
                f"the model's image processor refuses an image of {width}x{height} pixels: {error}"
            ) from error
