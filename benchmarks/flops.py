"""Floating-point operations that one scoring pass needs, counted from the shape of a model.

Two for each multiplication with a weight and the token or patch it is applied to, and two products
of queries, keys and values in each attention, over all pairs (a causal kernel may skip half of
them). The head of the vocabulary counts for the target's rows alone: what a loop computes beyond
that is its own affair, and lowers its utilisation.
"""

from typing import Any

from torch import nn


def flops_per_pass(
    module: Any, *, length: int, rows: int, patches: int, image_tokens: int
) -> float:
    """Operations for one image.

    Args:
        module: a model of one of the three families.
        length: ids up to the last target, image tokens among them.
        rows: target tokens.
        patches: patches of the image, over all its tiles.
        image_tokens: tokens that the language model gets for them.
    """
    core = module.model
    tower = core.visual if hasattr(core, "visual") else core.vision_tower
    connector = core.visual.merger if hasattr(core, "visual") else core.multi_modal_projector
    text = module.config.get_text_config()
    vision_weights = _weights(tower)
    if hasattr(core, "visual"):
        vision_weights -= _weights(connector)
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    products = 2 * (
        _weights(core.language_model) * length
        + vision_weights * patches
        + _weights(connector) * image_tokens
        + text.vocab_size * text.hidden_size * rows
    )
    attention = 4 * text.num_hidden_layers * length**2 * width * text.num_attention_heads
    return float(products + attention + _vision_attention(module.config.vision_config, patches))


def _weights(module: nn.Module) -> int:
    """Numbers in the matrices of linear layers and patch embeddings."""
    kinds = (nn.Linear, nn.Conv2d, nn.Conv3d)
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, kinds))


def _vision_attention(vision: Any, patches: int) -> float:
    """All patches of a tile with each other; Qwen2.5-VL mostly within windows."""
    if hasattr(vision, "fullatt_block_indexes"):
        window = (vision.window_size // vision.patch_size) ** 2
        full = len(vision.fullatt_block_indexes)
        pairs = patches * (full * patches + (vision.depth - full) * min(window, patches))
        return float(4 * pairs * vision.hidden_size)
    tile = patches_of_tile(vision)
    return float(4 * vision.num_hidden_layers * patches * tile * vision.hidden_size)


def patches_of_tile(vision: Any) -> int:
    """Patches of one image of the tower's size."""
    size, patch = (
        value if isinstance(value, list | tuple) else (value, value)
        for value in (vision.image_size, vision.patch_size)
    )
    return int((size[0] // patch[0]) * (size[1] // patch[1]))
