"""Where the image tokens of a prompt look: from values of tokens to a map over the image."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.attribution.interpolation import cell_weights
from eagle_mllm.errors import ModelError
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.values import ArrayValue


class TokenView(NamedTuple):
    """The tokens that cover one view of the image, such as LLaVA's centre crop."""

    view: View
    """The part of the image that they cover, in equal cells."""

    tokens: Int[np.ndarray, "rows columns"]
    """Which image token looks at each cell, counted from the first image token of the prompt."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenGrid(ArrayValue):
    """Which part of the image each image token of a prompt covers.

    Each view is one grid. InternVL's tiles together are the grid of the canvas from which they are
    cut, and its thumbnail is a second view of the whole image. A class token that a model keeps is
    an image token which no grid holds.
    """

    size: tuple[int, int]
    """Height and width of the user's image."""

    positions: Int[np.ndarray, " tokens"]
    """Where the image tokens are in the ids of the prompt, ascending."""

    views: tuple[TokenView, ...]

    def __post_init__(self) -> None:
        self._freeze_arrays()
        n_tokens, placed = len(self.positions), sum(view.tokens.size for view in self.views)
        if any(view.tokens.min() < 0 or view.tokens.max() >= n_tokens for view in self.views):
            raise ModelError(
                f"the prompt holds {n_tokens} image tokens, but the grid of its image has {placed} "
                "cells; encode the prompt with the model's own tokenizer and image processor"
            )

    def to_image(self, values: Float[np.ndarray, " tokens"]) -> Float[np.ndarray, "h w"]:
        """A map over the user's pixels, float32.

        Within a view values are interpolated linearly between the centres of the cells. A pixel
        that several views show takes the mean over them; one that no view shows, because it was
        cropped off, is 0.

        Args:
            values: one number for each image token, in the order of `positions`
        """
        total, shown = np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)
        for view, tokens in self.views:
            down, across = (
                cell_weights(places, cells)
                for places, cells in zip(view.places(self.size), tokens.shape, strict=True)
            )
            total += down @ values[tokens].astype(np.float32) @ across.T
            shown += np.outer(down.any(axis=1), across.any(axis=1))
        return total / np.maximum(shown, 1)
