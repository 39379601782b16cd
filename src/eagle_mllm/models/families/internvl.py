"""InternVL (the `-HF` checkpoints): square tiles and a thumbnail, each with a fixed token count."""

from math import prod

from PIL import Image

from eagle_mllm.models.families.base import AssembledFamily, Tensors


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
