"""TAM, the Token Activation Map: what image tokens say of a word, less what its context says."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.white_box import WhiteBox, white_box_of
from eagle_mllm.baselines.map_method import MapMethod, require_choice

Variant = Literal["paper", "eagle"]
"""The method as it was defined, or as the tables of EAGLE were made."""


@dataclass(frozen=True, kw_only=True)
class Tam(MapMethod):
    """TAM (https://arxiv.org/abs/2506.23270): estimated causal inference and a rank filter.

    The map of a token is max(0, h_j·W_c) over the image tokens j, with h the last hidden states
    and W_c the output row of the token. The maps of all earlier tokens of the prompt and of the
    answer, weighted by how strongly each of them activates the same token, are its interference;
    the share of it that fits best by least squares is taken away. The rest is scaled together
    with the activations of the text and smoothed by a rank-Gaussian filter.

    The paper defines maps of single tokens. Of several tokens this is the mean of their maps.
    """

    variant: Variant = "paper"
    """With "eagle" nothing is taken away, as in the tables of EAGLE: their code removes the
    interference of no token."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("variant", self.variant, get_args(Variant))

    @property
    def name(self) -> str:
        """The name "tam"."""
        return "tam"

    @property
    def settings(self) -> dict[str, Any]:
        """See `AttributionMethod`."""
        several = "mean of the tokens' maps (the paper defines single tokens only)"
        return {**super().settings, "several_tokens": several}

    def map_of(self, question: Question) -> Saliency:
        """The mean of the maps of the target's tokens, spread over the pixels."""
        look = white_box_of(question.model, question.generation, question.target)
        context = _Context(look, question)
        question.evaluate.add(1)
        target = question.target
        maps = [
            self._token_map(context, position, vocabulary_id)
            for position, vocabulary_id in zip(target.positions, target.ids, strict=True)
        ]
        return look.to_image(np.mean(maps, axis=0))

    def map_passes(self, n_regions: int) -> int:  # noqa: ARG002
        """See `MapMethod`."""
        return 1

    def _token_map(
        self, context: "_Context", position: int, vocabulary_id: int
    ) -> Float[np.ndarray, " tokens"]:
        own, scores = context.activations(position, vocabulary_id)
        earlier, kept = context.earlier(position, vocabulary_id)
        cleaned = own
        if self.variant == "paper":
            cleaned = without_interference(own, earlier, relevance(scores[:-1], kept))
        scaled = scaled_with_text(cleaned, scores[:-1])
        filtered = np.zeros_like(scaled)
        for grid in context.look.grids:
            filtered[grid] = rank_gaussian_filter(scaled[grid])
        return filtered


class _Context:
    """What every token says at the image and at the text, from one pass.

    The tokens are those of the user's prompt, then those of the answer before the last target.
    """

    def __init__(self, look: WhiteBox, question: Question) -> None:
        self.look = look
        words = look.prompt_positions
        self._n_words = len(words)
        answer = look.ids[look.n_prompt :]
        self._ids = np.array([*(look.ids[word] for word in words), *answer], dtype=np.int64)
        classes = self._ids.copy()
        if words:
            # The upstream code has no token before the first of the prompt, and takes what the
            # model would say behind it.
            classes[0] = look.predicted(words[0])
        # Where the text speaks: at the words, and at the rows that predict the answer's tokens.
        self._text = np.array([*words, *range(look.n_prompt - 1, len(look.ids))])
        asked = sorted({*classes.tolist(), *question.target.ids})
        self._column = {vocabulary_id: column for column, vocabulary_id in enumerate(asked)}
        self._said = np.maximum(look.lens(asked), 0)
        columns = [self._column[vocabulary_id] for vocabulary_id in classes.tolist()]
        self._maps = self._said[look.image_positions][:, columns].T

    def activations(
        self, position: int, vocabulary_id: int
    ) -> tuple[Float[np.ndarray, " tokens"], Float[np.ndarray, " text"]]:
        """max(0, h·W_c) at the image tokens, and at the text up to the row of the token itself."""
        said = self._said[:, self._column[vocabulary_id]]
        text = self._text[: self._n_words + position + 1]
        return said[self.look.image_positions], said[text]

    def earlier(
        self, position: int, vocabulary_id: int
    ) -> tuple[Float[np.ndarray, "earlier tokens"], Bool[np.ndarray, " earlier"]]:
        """The maps of the tokens before, and whether each is another token than the one asked."""
        n_earlier = self._n_words + position
        return self._maps[:n_earlier], self._ids[:n_earlier] != vocabulary_id


def relevance(
    scores: Float[np.ndarray, " earlier"], kept: Bool[np.ndarray, " earlier"]
) -> Float[np.ndarray, " earlier"]:
    """How much of the interference each earlier token is: its share of their activations.

    Args:
        scores: how strongly each activates the token that is explained
        kept: False for the same token, which is no interference
    """
    counted = np.where(kept, scores, 0.0)
    return np.asarray(counted / (counted.sum() + 1e-8))


def without_interference(
    own: Float[np.ndarray, " tokens"],
    earlier: Float[np.ndarray, "earlier tokens"],
    weights: Float[np.ndarray, " earlier"],
) -> Float[np.ndarray, " tokens"]:
    """max(0, A − x*·B), with the interference B = Σ_i w_i·A_i and x* = ⟨A, B⟩ / ⟨B, B⟩.

    Args:
        own: the map of the token
        earlier: those of the earlier tokens
        weights: from `relevance`
    """
    interference = weights @ earlier
    size = interference @ interference
    if not size > 0:
        return own
    return np.asarray(np.maximum(own - (own @ interference / size) * interference, 0))


def scaled_with_text(
    values: Float[np.ndarray, " tokens"], scores: Float[np.ndarray, " earlier"]
) -> Float[np.ndarray, " tokens"]:
    """The map between the smallest and the largest number of map and text together, in [0, 1].

    Args:
        values: the map
        scores: how strongly each earlier token activates the token that is explained
    """
    both = np.concatenate([values, scores]).astype(np.float64)
    low, high = both.min(), both.max()
    if not high > low:
        return np.zeros(len(values))
    return np.asarray((values - low) / (high - low))


def rank_gaussian_filter(
    grid: Float[np.ndarray, "rows columns"],
) -> Float[np.ndarray, "rows columns"]:
    """Each window of 3 x 3, as a mean weighted by how near a value's rank is to the median's.

    The width of the Gaussian is the window's coefficient of variation: where values are alike it
    is a median, where they differ a mean. The grid is reflected at its borders.

    Args:
        grid: not negative
    """
    windows = sliding_window_view(np.pad(grid.astype(np.float64), 1, mode="reflect"), (3, 3))
    ranked = np.sort(windows.reshape(*grid.shape, 9), axis=-1)
    mean = ranked.mean(axis=-1)
    varies = ranked[..., -1] > ranked[..., 0]
    width = ranked.std(axis=-1) / np.where(mean > 0, mean, 1)
    ranks = np.arange(9) - 4
    safe = np.where(varies & (width > 0), width, 1.0)[..., np.newaxis]
    weights = np.exp(-(ranks**2) / (2 * safe**2))
    filtered = (weights * ranked).sum(axis=-1) / weights.sum(axis=-1)
    return np.asarray(np.where(varies & (mean > 0), filtered, np.maximum(mean, 0)))
