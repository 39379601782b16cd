"""Regions in a random order: what any method has to beat."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.saliency import saliency_map
from eagle_mllm.attribution.search.base import is_whole
from eagle_mllm.baselines.map_method import MapMethod
from eagle_mllm.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class RandomOrder(MapMethod):
    """Every order of the regions is equally likely.

    The same seed, image and target give the same order; another image or target another one, so
    that the samples of a run are independent.

    Raises:
        SettingError: the seed is not a whole number from 0
    """

    seed: int = 0
    """Source of chance."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_whole(self.seed) or self.seed < 0:
            raise SettingError(f"seed must be a whole number, at least 0; got {self.seed!r}")

    @property
    def name(self) -> str:
        """The name "random"."""
        return "random"

    def map_of(self, question: Question) -> Saliency:
        """From 1 for the region that is drawn first, in equal steps, down to 1/N for the last."""
        n_regions = len(question.regions)
        order = np.random.default_rng([self.seed, _digest(question)]).permutation(n_regions)
        values = np.empty(n_regions)
        values[order] = 1.0 - np.arange(n_regions) / n_regions
        return saliency_map(values, question.regions)


def _digest(question: Question) -> int:
    target = question.target
    digest = sha256(question.generation.image.tobytes())
    digest.update(repr((question.generation.ids, target.positions, target.ids)).encode())
    return int.from_bytes(digest.digest()[:8], "big")
