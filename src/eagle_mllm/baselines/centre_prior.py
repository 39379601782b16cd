"""The middle of the image first: photographers put there what matters."""

from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class CentrePrior(MapMethod):
    """A Gaussian on the middle of the image, stretched to its sides; the model is not asked.

    The centre baseline of saliency benchmarks (Judd et al. 2012, "A Benchmark of Computational
    Models of Saliency to Predict Human Fixations"). Frames of a video have one each.

    Raises:
        SettingError: the width is not a positive number
    """

    width: float = 0.25
    """Standard deviation of the Gaussian, as a share of the image's height and of its width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.width < np.inf:
            raise SettingError(f"width must be a positive number; got {self.width!r}")

    @property
    def name(self) -> str:
        """The name "centre"."""
        return "centre"

    def map_of(self, question: Question) -> Saliency:
        """exp(−(u² + v²)/2σ²), with u and v the distances from the middle in image sides."""
        *_, height, width = question.regions.shape
        squares = _from_middle(height)[:, np.newaxis] ** 2 + _from_middle(width) ** 2
        values = np.exp(-squares / (2 * self.width**2))
        return np.broadcast_to(values, question.regions.shape).astype(np.float32)


def _from_middle(side: int) -> np.ndarray:
    """Distances of the pixels' centres from the middle, as shares of the side."""
    return (np.arange(side) + 0.5) / side - 0.5
