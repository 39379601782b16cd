"""The vision towers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL without a loop over windows.

Unless attention takes lengths (FlashAttention), transformers calls it once for each window of each
image: 844 times for one photograph of 476 x 644 pixels in Qwen2.5-VL. All images of a sample have
one grid, so windows of equal length are one batch here, a handful of calls in all.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Conv3d
from torch.nn.functional import linear, scaled_dot_product_attention
from transformers.vision_utils import (
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
    get_vision_window_index,
)

from eagle_mllm.arrays import Subsets
from eagle_mllm.models.compiling import compiled
from eagle_mllm.models.families.aligned_mlp import AlignedMLP
from eagle_mllm.models.placing import input_device
from eagle_mllm.models.vision import VisionEncoder, is_plain, takes_features

_TOWERS = {
    "Qwen2VisionTransformerPretrainedModel",
    "Qwen2_5_VisionTransformerPretrainedModel",
    "Qwen3VLVisionModel",
}
"""The classes whose steps are reproduced here."""


class _Group(NamedTuple):
    """Windows of one length, next to each other."""

    n_windows: int
    length: int
    """Patches in each."""


class QwenVision(VisionEncoder):
    """The tower of one model for images of one grid.

    What depends on the grid alone, which are the windows, the order that puts equal ones together,
    rotations and position embeddings, is made once. The patch embedding is a convolution whose
    kernel is its stride: a matrix product, and done as one. On a CUDA device the MLPs of Qwen2.5-VL
    are those of `aligned_mlp`, whose copies of the weights take 0.8 GiB for 3B and 7B.

    Args:
        module: the transformers model, for which `is_served` is true
        grid: (1, 3), frames, rows and columns of patches of the images
    """

    @staticmethod
    def is_served(module: Any) -> bool:
        """Whether this is the same as the model's own tower, and worth it."""
        tower = module.model.visual
        return (
            takes_features(module)
            and type(tower).__name__ in _TOWERS
            and type(tower.patch_embed.proj) is Conv3d
            # Any other implementation was chosen by the user, and the "flash" ones do not loop.
            and tower.config._attn_implementation == "sdpa"
            and is_plain(tower)
        )

    def __init__(self, module: Any, grid: Tensor) -> None:
        self._tower = tower = module.model.visual
        self._n_patches = int(grid[0].prod())
        self._mlps = [
            AlignedMLP(block.mlp) if AlignedMLP.pays_for(block.mlp) else block.mlp
            for block in tower.blocks
        ]
        self._whole: tuple[_Group, ...] = (_Group(1, self._n_patches),)
        # Only Qwen2.5-VL has windows, in the layers that are not listed as whole.
        self._whole_layers = getattr(tower, "fullatt_block_indexes", range(len(tower.blocks)))
        self._windows: tuple[_Group, ...] = self._whole
        self._order: Tensor | None = None
        if hasattr(tower, "window_size"):
            self._windows, order = _windows(tower, grid)
            self._order = order.to(input_device(module))
            self._back = self._order.argsort()
        self._cos, self._sin = map(self._ordered, _rotations(tower, grid, input_device(module)))
        self._places = _position_embeddings(tower, grid, input_device(module))
        self._deep_layers = list(getattr(tower, "deepstack_visual_indexes", ()))
        self._encode: Callable[[Tensor], tuple[Tensor, list[Tensor]]] = self._encoded

    def __call__(self, pixels: dict[str, Tensor], shown: Subsets) -> dict[str, Any]:
        """See `VisionEncoder`."""
        values = pixels["pixel_values"].view(len(shown), self._n_patches, -1)
        features, deep = self._encode(values)
        return {"image": _Features((features,), [(one,) for one in deep])}

    def compile(self) -> None:
        """See `VisionEncoder`."""
        self._encode = compiled(self._encode)

    def _encoded(self, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features of all images, and the deep ones, from (batch, patches, pixel values)."""
        hidden = self._embedded(values)
        deep = []
        for layer, block in enumerate(self._tower.blocks):
            groups = self._whole if layer in self._whole_layers else self._windows
            hidden = _added(hidden, self._attended(block.attn, block.norm1(hidden), groups))
            hidden = _added(hidden, self._mlps[layer](block.norm2(hidden)))
            if layer in self._deep_layers:
                merger = self._tower.deepstack_merger_list[self._deep_layers.index(layer)]
                deep.append(merger(hidden.flatten(0, 1)))
        # The merger joins four neighbours: (batch · patches, width) -> (batch · squares, features)
        features = self._tower.merger(hidden.flatten(0, 1))
        if self._order is not None:
            # Back from the order of windows to that of the image, within each image.
            images = features.unflatten(0, (len(values), -1))
            features = images.index_select(1, self._back).flatten(0, 1)
        return features, deep

    def _embedded(self, values: Tensor) -> Tensor:
        """Patches as the first layer takes them, from (batch, patches, pixel values)."""
        convolution: Conv3d = self._tower.patch_embed.proj
        hidden = linear(values, convolution.weight.flatten(1), convolution.bias)
        return self._ordered(hidden if self._places is None else hidden + self._places)

    def _ordered(self, patches: Tensor) -> Tensor:
        """Windows of equal length together; patches are (batch, patches, ...)."""
        if self._order is None:
            return patches
        # The order is one of merged squares, each of four patches next to each other.
        squares: Tensor = patches.unflatten(1, (len(self._order), -1))
        return squares.index_select(1, self._order).flatten(1, 2)

    def _attended(self, attention: Any, hidden: Tensor, groups: Sequence[_Group]) -> Tensor:
        """Attention within each window; hidden is (batch, patches, values)."""
        # (batch, patches, 3, heads, values), then queries and keys (batch, patches, heads, values)
        mixed = attention.qkv(hidden).unflatten(-1, (3, attention.num_heads, -1))
        query, key = self._rotated(mixed[:, :, :2]).unbind(2)
        parts, start = [], 0
        for n_windows, length in groups:
            place = slice(start, start + n_windows * length)
            # (batch, windows · patches, heads, values) -> (batch · windows, heads, patches, values)
            q, k, v = (
                part[:, place].unflatten(1, (n_windows, length)).flatten(0, 1).transpose(1, 2)
                for part in (query, key, mixed[:, :, 2])
            )
            seen = scaled_dot_product_attention(q, k, v, scale=attention.scaling)
            parts.append(seen.transpose(1, 2).reshape(len(hidden), n_windows * length, -1))
            start = place.stop
        projected: Tensor = attention.proj(torch.cat(parts, dim=1) if len(parts) > 1 else parts[0])
        return projected

    def _rotated(self, heads: Tensor) -> Tensor:
        """Queries and keys turned by their place, in float32 as in the model.

        They are overwritten, unless gradients flow.
        """
        half = heads.shape[-1] // 2
        swapped = torch.cat([heads[..., half:], heads[..., :half]], dim=-1)
        if heads.requires_grad:
            turned = (heads.float() * self._cos).addcmul(swapped.float(), self._sin)
        else:
            turned = heads.float().mul_(self._cos).addcmul_(swapped.float(), self._sin)
        return turned.to(heads.dtype)


def _added(hidden: Tensor, more: Tensor) -> Tensor:
    """The sum, in the place of the first unless gradients flow."""
    return hidden + more if more.requires_grad else hidden.add_(more)


class _Features(NamedTuple):
    """Image features as transformers hands them from its tower to its language model."""

    pooler_output: tuple[Tensor]
    deepstack_features: list[tuple[Tensor]]

    def to_tuple(self) -> tuple[Any, ...]:
        """As outputs of transformers have it, which 5.24 asks for."""
        return tuple(self)


def _windows(tower: Any, grid: Tensor) -> tuple[tuple[_Group, ...], Tensor]:
    """Windows by length, and the order of merged squares that puts equal ones together."""
    index, ends = get_vision_window_index(
        grid,
        spatial_merge_size=tower.spatial_merge_size,
        window_size=tower.window_size,
        patch_size=tower.patch_size,
    )
    # Windows in patches, and in merged squares, of which `index` is a permutation.
    lengths = ends.diff()
    windows = index.split((lengths // tower.spatial_merge_unit).tolist())
    order = torch.cat([windows[place] for place in lengths.argsort(stable=True).tolist()])
    sizes, counts = lengths.unique(return_counts=True)
    groups = zip(counts.tolist(), sizes.tolist(), strict=True)
    return tuple(_Group(count, length) for count, length in groups), order


def _rotations(tower: Any, grid: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Factors (1, patches, 2, heads, values): of a head, and of a head with its halves swapped."""
    positions = get_vision_position_ids(grid, tower.spatial_merge_size).to(device)
    cos, sin = tower.rotary_pos_emb(torch.empty(0, device=device), positions)
    sin[:, : sin.shape[-1] // 2].neg_()
    # Repeated for queries, keys and heads, because broadcasting over them is slow on a CPU.
    heads = (2, int(tower.blocks[0].attn.num_heads), 1)
    cos, sin = (table.float()[None, :, None, None].repeat(1, 1, *heads) for table in (cos, sin))
    return cos, sin


@torch.no_grad()
def _position_embeddings(tower: Any, grid: Tensor, device: torch.device) -> Tensor | None:
    """What Qwen3-VL adds to its patches."""
    if not hasattr(tower, "pos_embed"):
        return None
    indices, weights = get_vision_interpolation_indices_and_weights(
        grid.to(device),
        num_grid_per_side=tower.num_grid_per_side,
        mode=tower.interpolation_mode,
        align_corners=tower.interpolation_align_corners,
        spatial_merge_size=tower.spatial_merge_size,
    )
    table: Tensor = tower.pos_embed.weight
    places: Tensor = (table[indices] * weights.unsqueeze(-1)).sum(1)
    return places.to(table.dtype)
