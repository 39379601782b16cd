"""InternVL (the `-HF` checkpoints): square tiles and a thumbnail, each with a fixed token count."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from PIL import Image

from eagle_mllm.models.families.assembled import AssembledFamily
from eagle_mllm.models.families.base import EncodedPrompt
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.tile_memory import TileMemory, is_touched_by_all
from eagle_mllm.models.token_grid import TokenView
from eagle_mllm.models.vision import VisionEncoder, takes_features


class InternVL(AssembledFamily):
    """`InternVLForConditionalGeneration`.

    The image is cut into the grid of tiles that fits its shape best; more than one tile brings a
    thumbnail of the whole image, last. A tile is `image_seq_length` tokens.
    """

    name = "internvl"

    def placeholder(self, pixels: Tensors) -> str:
        """The tokens of all tiles between a start and an end token."""
        tokenizer = self.parts.tokenizer
        tokens = prod(self._tokens_of_a_tile()) * len(pixels["pixel_values"])
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

    def token_views(self, prompt: EncodedPrompt, views: Sequence[View]) -> Sequence[TokenView]:
        """The tokens of all tiles, laid out on their canvas; then those of the thumbnail."""
        del prompt
        down, across = self._tokens_of_a_tile()
        height, width = self._tile_size()
        grids, used = [], 0
        for view in views:
            rows, columns = view.size[0] // height, view.size[1] // width
            # (tile row, tile column, row, column) -> (tile row, row, tile column, column)
            tiles = used + np.arange(rows * columns * down * across).reshape(
                rows, columns, down, -1
            )
            grids.append(TokenView(view, tiles.swapaxes(1, 2).reshape(rows * down, -1)))
            used += tiles.size
        return grids

    def _tile_size(self) -> tuple[int, int]:
        tile = self.parts.image_processor.size
        return int(tile["height"]), int(tile["width"])

    def _tokens_of_a_tile(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        vision, ratio = self.config.vision_config, self.config.downsample_ratio
        rows, columns = (
            int(size // patch * ratio)
            for size, patch in zip(vision.image_size, vision.patch_size, strict=True)
        )
        return rows, columns

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
