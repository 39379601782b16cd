"""IGOS++: masks that make the target improbable when hidden and probable when shown alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.target import Target
from eagle_mllm.attribution.white_box import Noise, white_box_of
from eagle_mllm.baselines.blurring import blurred
from eagle_mllm.baselines.igos_mask import Edges, Grid, Mask, Nesterov, Penalty
from eagle_mllm.baselines.map_method import MapMethod, require_choice, require_counts
from eagle_mllm.errors import SettingError

Masks = Literal["two", "one"]
"""Two masks, one for deletion and one for insertion (IGOS++), or one for both (iGOS+)."""

Variant = Literal["paper", "eagle"]
"""The method as it was defined, or as the tables of EAGLE were made."""

_KEYWORD_RATIO = 1.0
"""A token counts if blurring the image takes more than a factor e from its probability."""

_NUMBERS = (
    *("rate", "momentum", "sparsity", "convexity", "decay", "smoothness"),
    *("noise", "seed"),
)


@dataclass(frozen=True, kw_only=True)
class IgosPlusPlus(MapMethod):
    """IGOS++ (https://arxiv.org/abs/2012.15783) with graduated non-convexity.

    The schedule is that of https://arxiv.org/abs/2503.13891. With I the image, B the blurred one,
    φ(a, b, m) = a·m + b·(1 − m) and noise ε on the normalised pixels,

        D(M) = mean_j Σ_i log p_i(φ(I, B, t_j·M) + ε)      t_j = j/n, j = 1..n
        N(M) = mean_j Σ_i log p_i(φ(B, I, t_j·M) + ε)
        F    = ½ [D(X) − N(Y) + D(X·Y) − N(X·Y)] + R_k(X·Y)

    is minimised over two masks X and Y by Nesterov steps, or F = D(M) − N(M) + R_k(M) over one.
    R_k is `Penalty` with λ_k = λ·exp(−γk). The map is 1 − X·Y, stretched to [0, 1].

    Raises:
        SettingError: a setting is out of its range
    """

    masks: Masks = "two"
    """Two masks, or the single one of iGOS+."""

    keywords: bool = True
    """When the whole answer is explained, count only the tokens that blurring makes improbable."""

    size: int = 32
    """Cells on each side of a mask."""

    iterations: int = 5
    """Steps."""

    samples: int = 10
    """n, images for each integral."""

    rate: float = 10.0
    """Length of a step."""

    momentum: float = 5.0
    """How slowly the steps gain momentum."""

    sparsity: float = 1.0
    """Weight of mean|1 − M|."""

    convexity: float = 0.1
    """λ, weight of the convex term at the beginning."""

    decay: float = 1.0
    """γ, how fast it is annealed away."""

    smoothness: float = 10.0
    """Weight of the total variation."""

    noise: float = 0.2
    """Standard deviation of ε."""

    seed: int = 0
    """Source of the noise."""

    at_once: int = 10
    """Images in one pass at most; without influence on the map."""

    variant: Variant = "paper"
    """With "eagle", as in the tables of EAGLE, N is computed as D, and λ_k shrinks by
    exp(−γk) from each step to the next."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("masks", self.masks, get_args(Masks))
        require_choice("variant", self.variant, get_args(Variant))
        require_counts(
            size=self.size,
            iterations=self.iterations,
            samples=self.samples,
            at_once=self.at_once,
        )
        for setting in _NUMBERS:
            self._require_number(setting)

    @property
    def name(self) -> str:
        """The name "igos++"."""
        return "igos++"

    def map_of(self, question: Question) -> Saliency:
        """1 less the mask, over the image."""
        integrals = Integrals(self, question)
        mask = self._two_masks(integrals) if self.masks == "two" else self._one_mask(integrals)
        spread = mask.max() - mask.min()
        if not spread > 0:
            return np.zeros(question.generation.image.shape[:2], np.float32)
        saliency: Saliency = integrals.grid.up((mask.max() - mask) / spread).astype(np.float32)
        return saliency

    def map_passes(self, n_regions: int) -> int:  # noqa: ARG002
        """See `MapMethod`. Two more than go backward, to find the keywords."""
        return self.map_gradients + 2

    @property
    def map_gradients(self) -> int:
        """See `MapMethod`."""
        return self.iterations * self.samples * (4 if self.masks == "two" else 2)

    def convexity_at(self, step: int) -> float:
        """λ_k, the weight of the convex term in a step counted from 0."""
        steps = step * (step + 1) / 2 if self.variant == "eagle" else step
        return self.convexity * exp(-self.decay * steps)

    def _two_masks(self, integrals: "Integrals") -> Mask:
        x, y = self._fresh(), self._fresh()
        for step in range(self.iterations):
            both = x.mask * y.mask
            hiding, showing = integrals.deletion(x.mask), integrals.insertion(y.mask)
            together = integrals.deletion(both).gradient - integrals.insertion(both).gradient
            shared = together / 2 + integrals.penalty(both, self.convexity_at(step))
            moves = hiding.gradient / 2 + y.mask * shared, x.mask * shared - showing.gradient / 2
            x.step(moves[0])
            y.step(moves[1])
        return np.asarray(x.mask * y.mask)

    def _one_mask(self, integrals: "Integrals") -> Mask:
        moving = self._fresh()
        for step in range(self.iterations):
            mask = moving.mask
            data = integrals.deletion(mask).gradient - integrals.insertion(mask).gradient
            moving.step(data + integrals.penalty(mask, self.convexity_at(step)))
        return moving.mask

    def _fresh(self) -> Nesterov:
        start = np.ones((self.size, self.size))
        return Nesterov(start, rate=self.rate, momentum=self.momentum)

    def _require_number(self, setting: str) -> None:
        value = getattr(self, setting)
        if not 0 <= value < inf:
            raise SettingError(f"{setting} must be a number, at least 0; got {value!r}")


class Integral(NamedTuple):
    """D or N of a mask."""

    value: float
    gradient: Mask


class Integrals:
    """D, N and R of masks, for one question.

    Args:
        method: its settings
        question: what to explain
    """

    def __init__(self, method: IgosPlusPlus, question: Question) -> None:
        self._method = method
        self._evaluate = question.evaluate
        self._look = white_box_of(question.model, question.generation, question.target)
        image = question.generation.image
        self._image, self._hidden = image.astype(np.float32), blurred(image)
        self._source = np.random.default_rng(method.seed)
        self.grid = Grid(method.size, image.shape[:2])
        self._edges = Edges.of(image, grey_level=self._look.grey_level)
        self._tokens = self._counted(question.generation, question.target)

    def deletion(self, mask: Mask) -> Integral:
        """D: where the mask is 1 the image is shown, and elsewhere its blur."""
        return self._integral(mask, kept=self._image, put=self._hidden)

    def insertion(self, mask: Mask) -> Integral:
        """N: where the mask is 1 the blur is shown, and elsewhere the image."""
        if self._method.variant == "eagle":
            return self.deletion(mask)
        return self._integral(mask, kept=self._hidden, put=self._image)

    def penalty(self, mask: Mask, convexity: float) -> Mask:
        """The gradient of R."""
        penalty = Penalty(sparsity=self._method.sparsity, smoothness=self._method.smoothness)
        return penalty.gradient(mask, grid=self.grid, edges=self._edges, convexity=convexity)

    def _integral(
        self,
        mask: Mask,
        *,
        kept: Float[np.ndarray, "h w 3"],
        put: Float[np.ndarray, "h w 3"],
    ) -> Integral:
        n, at_once = self._method.samples, self._method.at_once
        shares = (np.arange(n, dtype=np.float32) + 1) / n
        seeds = self._source.integers(2**31, size=n).tolist()
        at_pixels, difference = self.grid.up(mask).astype(np.float32), kept - put
        value, gradient = 0.0, np.zeros(mask.shape)
        for start in range(0, n, at_once):
            part = slice(start, start + at_once)
            weights = shares[part, np.newaxis, np.newaxis] * at_pixels
            view = self._look.pixels(
                put + weights[..., np.newaxis] * difference,
                tokens=self._tokens,
                noise=Noise(self._method.noise, seeds[part]),
            )
            self._evaluate.add(len(weights))
            value += float(view.log_probability[:, list(self._tokens)].sum())
            at_each = (view.gradient * difference).sum(axis=-1)
            gradient += self.grid.back(np.tensordot(shares[part], at_each, axes=1))
        return Integral(value / n, gradient / n)

    def _counted(self, generation: Generation, target: Target) -> Sequence[int]:
        """Which tokens of the target count, by index."""
        if not self._method.keywords or not _is_whole_answer(generation, target):
            return range(len(target))
        ends = np.stack([self._image, self._hidden])
        log_probability = self._look.pixels(ends).log_probability
        self._evaluate.add(2)
        is_text = [not generation.special[position] for position in target.positions]
        seen, unseen = log_probability.astype(np.float64)
        return keywords(seen, unseen, is_text=np.array(is_text))


def keywords(
    seen: Float[np.ndarray, " tokens"],
    unseen: Float[np.ndarray, " tokens"],
    *,
    is_text: Bool[np.ndarray, " tokens"],
) -> list[int]:
    """The tokens that stand on the image, by index, at least one.

    Those with log p(I) − log p(B) > 1, except special tokens; where there are none, the one that
    loses most probability.

    Args:
        seen: log p of each token, with the image
        unseen: with the blurred image
        is_text: False for special tokens
    """
    found = np.flatnonzero((seen - unseen > _KEYWORD_RATIO) & is_text)
    return found.tolist() or [int(np.argmax(np.exp(seen) - np.exp(unseen)))]


def _is_whole_answer(generation: Generation, target: Target) -> bool:
    text = {position for position, special in enumerate(generation.special) if not special}
    return len(target) > 1 and text <= set(target.positions) and not target.is_counterfactual
