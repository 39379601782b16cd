"""LLaVA-CAM: smoothed, gradient-weighted activations of one layer of the language model."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from eagle_mllm.arrays import RGBImage, Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.white_box import white_box_of
from eagle_mllm.baselines.map_method import MapMethod, require_counts, up_to_one
from eagle_mllm.errors import SettingError

PAPER_LAYERS = {
    ("llava", 32): 13,
    ("internvl", 36): 32,
    ("qwen_vl", 36): 32,
    ("qwen_vl", 28): 26,
}
"""Family and number of layers → the layer of the published numbers, counted from 0."""

_SHARES = {"llava": 13 / 32}
_SHARE = 32 / 36
"""Depth of the layer in other models of a family, and in other families."""


@dataclass(frozen=True, kw_only=True)
class LlavaCam(MapMethod):
    """LLaVA-CAM (https://arxiv.org/abs/2406.06579), as EAGLE's comparison uses it.

    The layer is read at what its feed-forward part takes in, so that gradients flow through that
    part and the layers above. Activations A and gradients G at the image tokens give

        α_c = mean_j max(G_jc, 0),   h_j = max(mean_c α_c·A_jc, 0),   CAM = h / max h

    and the map is the mean over noisy copies of the image. Copies whose CAM is 0 everywhere add
    nothing.

    Raises:
        SettingError: a number is out of its range
    """

    depth: float | None = None
    """Depth of the layer as a share of all, in [0, 1]; None for that of `PAPER_LAYERS`, or of the
    same share of another model."""

    n_copies: int = 50
    """Noisy copies of the image."""

    noise: float = 0.1
    """Standard deviation of the noise, as a share of the 8-bit range."""

    seed: int = 0
    """Source of the noise."""

    at_once: int = 10
    """Copies in one pass at most; without influence on the map."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(n_copies=self.n_copies, at_once=self.at_once)
        if self.depth is not None and not 0 <= self.depth <= 1:
            raise SettingError(f"depth is a share of the layers, in [0, 1]; got {self.depth!r}")
        if not 0 <= self.noise < np.inf or self.seed < 0:
            raise SettingError(
                f"noise and seed must be at least 0; got {self.noise!r} and {self.seed!r}"
            )

    @property
    def name(self) -> str:
        """The name "llava-cam"."""
        return "llava-cam"

    def map_of(self, question: Question) -> Saliency:
        """The mean CAM, spread over the pixels that each image token looks at."""
        look = white_box_of(question.model, question.generation, question.target)
        layer = self.layer_of(question.model.info.family, look.n_layers)
        total = np.zeros(len(look.image_positions))
        for start in range(0, self.n_copies, self.at_once):
            numbers = range(start, min(start + self.at_once, self.n_copies))
            copies = [self._copy(question.generation.image, number) for number in numbers]
            total += cams(*look.layer(copies, layer=layer)).sum(axis=0)
            question.evaluate.add(len(copies))
        return look.to_image(up_to_one(total))

    def map_passes(self, n_regions: int) -> int:  # noqa: ARG002
        """See `MapMethod`."""
        return self.n_copies

    @property
    def map_gradients(self) -> int:
        """See `MapMethod`."""
        return self.n_copies

    def layer_of(self, family: str, n_layers: int) -> int:
        """The layer that is read, counted from 0; at most the last but one.

        What the last layer makes of image tokens reaches no token of the answer any more, so that
        every gradient is 0 there.

        Args:
            family: of the model
            n_layers: of its language model
        """
        if self.depth is None and (family, n_layers) in PAPER_LAYERS:
            return PAPER_LAYERS[family, n_layers]
        share = _SHARES.get(family, _SHARE) if self.depth is None else self.depth
        return max(min(int(share * n_layers), n_layers - 2), 0)

    def _copy(self, image: RGBImage, number: int) -> UInt8[np.ndarray, "h w 3"]:
        """The image with noise, clipped and truncated to 8 bits."""
        source = np.random.default_rng([self.seed, number])
        noisy = image + source.normal(0.0, self.noise * 255, image.shape)
        return np.asarray(noisy.clip(0, 255).astype(np.uint8))


def cams(
    activations: Float[np.ndarray, "batch tokens channels"],
    gradients: Float[np.ndarray, "batch tokens channels"],
) -> Float[np.ndarray, "batch tokens"]:
    """One CAM for each image, with a maximum of 1, or all zeros.

    Args:
        activations: of a layer at the image tokens
        gradients: of the score with respect to them
    """
    weights = np.maximum(gradients, 0).mean(axis=1, keepdims=True)
    values = np.maximum((weights * activations).mean(axis=2, dtype=np.float64), 0)
    return np.stack([up_to_one(one) for one in values])
