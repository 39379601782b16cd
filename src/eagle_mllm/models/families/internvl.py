"""InternVL (the `-HF` checkpoints): square tiles and a thumbnail, each with a fixed token count."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

from eagle_mllm.models.families.base import AssembledFamily, EncodedPrompt
from eagle_mllm.models.pixels.pipeline import PixelPipeline, View, level_settings, setting_size
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.tile_memory import TileMemory, is_touched_by_all
from eagle_mllm.models.vision import VisionEncoder, takes_features


class InternVL(AssembledFamily):
    """`InternVLForConditionalGeneration`.

    The image is cut into the grid of tiles that fits its shape best; more than one tile brings a
    thumbnail of the whole image, last. A tile is `image_seq_length` tokens.
    """

    name = "internvl"

    def placeholder(self, pixels: Tensors) -> str:
        """The tokens of all tiles between a start and an end token."""
        vision, tokenizer = self.config.vision_config, self.parts.tokenizer
        patches = prod(
            size // patch for size, patch in zip(vision.image_size, vision.patch_size, strict=True)
        )
        tokens = int(patches * self.config.downsample_ratio**2) * len(pixels["pixel_values"])
        start = getattr(tokenizer, "start_image_token", "<img>")
        end = getattr(tokenizer, "end_image_token", "</img>")
        return f"{start}{self.chat.image_token * tokens}{end}"

    def process(self, images: list[Image.Image]) -> Tensors:
        """Pixels of shape (batch · tiles, 3, size, size)."""
        # The full processor cuts tiles whatever the image processor's own file says.
        processed = self.parts.image_processor(
            images=images, crop_to_patches=True, return_tensors="pt"
        )
        return {"pixel_values": processed["pixel_values"]}

    def pixel_pipeline(self, size: tuple[int, int]) -> PixelPipeline | None:
        """A canvas that is cut into tiles, and the thumbnail. See `Family.pixel_pipeline`."""
        settings = self.parts.image_processor
        levels = level_settings(settings, known={"GotOcr2ImageProcessorPil"})
        if levels is None:
            return None
        tile = setting_size(settings.size)
        height, width = tile["height"], tile["width"]
        columns, rows = 1, 1
        if settings.max_patches > 1:
            columns, rows = get_optimal_tiled_canvas(
                size, (height, width), settings.min_patches, settings.max_patches
            )
        views = [View.whole((rows * height, columns * width))]
        if rows * columns > 1:
            views.append(View.whole((height, width)))
        return PixelPipeline(
            views=tuple(views),
            arrange=lambda views: {"pixel_values": _tiles(views, rows, columns)},
            **levels,
        )

    def vision_encoder(
        self, module: Any, prompt: EncodedPrompt, pixels: PixelSource
    ) -> VisionEncoder | None:
        """A memory of tiles, where there are several and it is known which regions touch them.

        That is known of region components. With `pixels="processor"` the model encodes every tile
        of every subset itself. See `Family.vision_encoder`.
        """
        several = len(prompt.pixels["pixel_values"]) > 1
        touching = pixels.touching() if several and takes_features(module) else None
        if touching is None or is_touched_by_all(touching).all():
            return None
        return TileMemory(module, touching)


def _tiles(views: Sequence[Tensor], rows: int, columns: int) -> Tensor:
    """Tiles row by row, the thumbnail last, image after image."""
    canvas = views[0]
    batch, channels, height, width = canvas.shape
    size = (height // rows, width // columns)
    cut = canvas.view(batch, channels, rows, size[0], columns, size[1]).permute(0, 2, 4, 1, 3, 5)
    tiles = cut.reshape(batch, rows * columns, channels, *size)
    with_thumbnail = torch.cat([tiles, *[view.unsqueeze(1) for view in views[1:]]], dim=1)
    return with_thumbnail.flatten(0, 1)
