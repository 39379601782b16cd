"""Features of image tiles, cached by what the tile shows."""

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from eagle_mllm.arrays import Subsets
from eagle_mllm.models.compiling import compiled
from eagle_mllm.models.vision import VisionEncoder

MEMORY_LIMIT = 2**30
"""Bytes of features kept per scorer. A search returns to the tiles of its last step, a few hundred
of them for 64 regions; a tile of an 8B model takes 2 MiB in half precision."""

_CHUNK = 4
"""Tiles per pass of the vision tower; always the same number, so that kernels round alike."""

Key = tuple[int, bytes]
"""A tile and the regions shown in it."""


class TileMemory(VisionEncoder):
    """Image features of a model whose tower sees each tile alone.

    Hiding a region changes the tiles that it touches and no other, so the features of a tile
    depend on the shown ones among those regions. They are the model's own, made in small passes
    of one fixed size (padded by repetition) and kept up to the limit; the least recently used go
    first. A tile that every region touches, such as the thumbnail, is never kept: it would be asked
    for again only with the same subset, which is never scored twice.

    Args:
        module: the transformers model
        touching: which regions change a tile, for each tile of the image
        limit: bytes of features to keep
    """

    def __init__(
        self,
        module: Any,
        touching: Bool[np.ndarray, "tiles regions"],
        *,
        limit: int = MEMORY_LIMIT,
    ) -> None:
        self._encode = module.get_image_features
        self._touching = touching
        self._kept = ~is_touched_by_all(touching)
        self._limit = limit
        self._features: OrderedDict[Key, Tensor] = OrderedDict()
        self.stored_bytes = 0
        self.asked = 0
        """Tiles of all subsets so far."""
        self.encoded = 0
        """Tiles that went through the tower for them."""

    def __call__(self, pixels: dict[str, Tensor], shown: Subsets) -> dict[str, Any]:
        """See `VisionEncoder`."""
        keys = [
            (tile, np.packbits(row & touching).tobytes())
            for row in shown
            for tile, touching in enumerate(self._touching)
        ]
        first_at: dict[Key, int] = {}
        for place, key in enumerate(keys):
            if key not in self._features:
                first_at.setdefault(key, place)
        known = {key: self._features[key] for key in keys if key in self._features}
        known |= zip(
            first_at, self._encoded(pixels["pixel_values"], [*first_at.values()]), strict=True
        )
        self._keep(known)
        self.asked += len(keys)
        self.encoded += len(first_at)
        return {"image": _Features(torch.stack([known[key] for key in keys]))}

    def compile(self) -> None:
        """See `VisionEncoder`."""
        self._encode = compiled(self._encode)

    def forget(self) -> None:
        """See `VisionEncoder`."""
        self._features.clear()
        self.stored_bytes = 0

    def _encoded(self, tiles: Tensor, places: list[int]) -> list[Tensor]:
        """Features of some of the tiles, each a tensor of its own."""
        features: list[Tensor] = []
        for start in range(0, len(places), _CHUNK):
            chunk = places[start : start + _CHUNK]
            padded = [*chunk, *[chunk[-1]] * (_CHUNK - len(chunk))]
            output = self._encode(pixel_values=tiles[padded], return_dict=True)
            features += [one.clone() for one in output.pooler_output[: len(chunk)]]
        return features

    def _keep(self, latest: dict[Key, Tensor]) -> None:
        for key, features in latest.items():
            if not self._kept[key[0]]:
                continue
            if key not in self._features:
                self.stored_bytes += features.nbytes
            self._features[key] = features
            self._features.move_to_end(key)
        while self.stored_bytes > self._limit:
            _, oldest = self._features.popitem(last=False)
            self.stored_bytes -= oldest.nbytes


class _Features(NamedTuple):
    """Image features as transformers hands them from its tower to its language model."""

    pooler_output: Tensor

    def to_tuple(self) -> tuple[Tensor, ...]:
        """As outputs of transformers have it, which 5.24 asks for."""
        return tuple(self)


def is_touched_by_all(
    touching: Bool[np.ndarray, "tiles regions"],
) -> Bool[np.ndarray, " tiles"]:
    """Whether a tile shows something of every region that is to be seen in any tile."""
    return np.asarray((touching == touching.any(axis=0)).all(axis=1))
