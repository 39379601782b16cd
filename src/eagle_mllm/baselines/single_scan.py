"""One pass for each region: what happens without it, or with it alone."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.saliency import saliency_map
from eagle_mllm.baselines.map_method import MapMethod, require_choice

Direction = Literal["deletion", "insertion"]
"""Whether each region is hidden alone (occlusion), or shown alone."""


@dataclass(frozen=True, kw_only=True)
class SingleScan(MapMethod):
    """Each region by itself, so that regions which count only together are not found.

    By deletion it is occlusion (Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901) with
    regions in place of a sliding square.

    Raises:
        SettingError: the direction is unknown
    """

    direction: Direction = "deletion"
    """Hide each region alone, or show it alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("direction", self.direction, get_args(Direction))

    @property
    def name(self) -> str:
        """The name "single-scan"."""
        return "single-scan"

    def map_of(self, question: Question) -> Saliency:
        """p(V) − p(V∖{r}) or p({r}) − p(∅) on the pixels of region r; p is the tokens' mean."""
        is_seen = question.evaluate.seen
        seen = np.flatnonzero(is_seen)
        values = np.zeros(len(is_seen))
        if len(seen):
            values[seen] = self._effects(question, np.eye(len(is_seen), dtype=bool)[seen])
        return saliency_map(values, question.regions)

    def _effects(
        self, question: Question, alone: Bool[np.ndarray, "seen regions"]
    ) -> Float[np.ndarray, " seen"]:
        none = np.zeros((1, alone.shape[1]), dtype=bool)
        asked = np.concatenate([none, alone])
        if self.direction == "deletion":
            asked = ~asked
        mean = question.evaluate(asked).probability.mean(axis=1, dtype=np.float64)
        effects: np.ndarray = mean[1:] - mean[0]
        return -effects if self.direction == "deletion" else effects

    def map_passes(self, n_regions: int) -> int:
        """See `MapMethod`. A trace of the same regions shares the first, the last and neither."""
        shared = 0 if self.ranking == "pixels" else 3
        return n_regions + 1 - shared
