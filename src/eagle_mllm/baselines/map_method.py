"""What methods have in common that yield a map of pixels: an order is read off it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from eagle_mllm.arrays import Mask, Saliency
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.method import AttributionMethod, Finding
from eagle_mllm.attribution.question import Question
from eagle_mllm.attribution.saliency import PIXEL_STEPS, pixel_steps, rank_regions
from eagle_mllm.attribution.search.base import Ranking, is_whole
from eagle_mllm.errors import SettingError, did_you_mean

RankBy = Literal["regions", "pixels"]
"""What is ranked: the regions by the mean of the map in each, or the pixels one by one."""


@dataclass(frozen=True, kw_only=True)
class MapMethod(AttributionMethod):
    """A method that yields a map; its fields are its settings.

    The order follows the map, from the highest value to the lowest. The result's saliency is the
    positive part of the map, scaled to a maximum of 1: what speaks against the target is last in
    the order and 0 in the saliency. Where the model sees nothing, the saliency is 0.

    Raises:
        SettingError: the ranking is unknown
    """

    ranking: RankBy = "regions"
    """What is ranked. By pixels, the image is cut into 64 steps of equal area along the map, as in
    the reference, instead of the regions that were given."""

    fill: FillName = "black"
    """What hidden pixels become when the order is replayed."""

    def __post_init__(self) -> None:
        require_choice("ranking", self.ranking, get_args(RankBy))

    @abstractmethod
    def map_of(self, question: Question) -> Saliency:
        """How much each pixel supports the target: finite, in any range, of the image's size.

        Args:
            question: what to explain; passes made elsewhere are told to `question.evaluate.add`
        """

    def map_passes(self, n_regions: int) -> int:  # noqa: ARG002
        """Images that go through the model for the map alone; an estimate.

        Args:
            n_regions: how many regions there are
        """
        return 0

    @property
    def map_gradients(self) -> int:
        """How many of the passes for the map go backward as well."""
        return 0

    @property
    def settings(self) -> dict[str, Any]:
        """See `AttributionMethod`."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"method": self.name, **chosen}

    def explain(self, question: Question) -> Finding:
        """The map, and the trace of the order that it gives."""
        values = self.map_of(question)
        if self.ranking == "pixels" and question.evaluate.seen.any():
            question = question.recut(pixel_steps(values, _seen(question)), fill=self.fill)
            order = np.arange(len(question.regions))
        else:
            order = rank_regions(values, question.regions)
        ranking = Ranking(order=question.unseen_last(order), searched=0)
        return Finding(question.replay(ranking), _positive(values, _seen(question)), question)

    def planned_passes(self, n_regions: int) -> int:
        """See `AttributionMethod`."""
        steps = PIXEL_STEPS if self.ranking == "pixels" else n_regions
        return self.map_passes(n_regions) + 2 * steps


def require_choice(setting: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a setting that is none of its choices.

    Raises:
        SettingError: it is something else
    """
    if value not in choices:
        raise SettingError(f"unknown {setting} {value!r}; {did_you_mean(value, choices)}")


def require_counts(**counts: int) -> None:
    """Refuse what is not a whole number from 1.

    Raises:
        SettingError: a setting is something else
    """
    for setting, value in counts.items():
        if not is_whole(value) or value < 1:
            raise SettingError(f"{setting} must be a whole number, at least 1; got {value!r}")


def up_to_one(values: Float[np.ndarray, " values"]) -> Float[np.ndarray, " values"]:
    """Values divided by their maximum; float32, all zeros where it is not positive.

    Args:
        values: finite and not negative
    """
    highest = values.max(initial=0.0)
    scaled = values / highest if highest > 0 else np.zeros(len(values))
    return np.asarray(scaled, dtype=np.float32)


def _seen(question: Question) -> Mask:
    return question.regions.mask(np.flatnonzero(question.evaluate.seen))


def _positive(values: Saliency, seen: Mask) -> Saliency:
    positive = np.where(seen, np.maximum(values, 0.0), 0.0).astype(np.float64)
    highest = positive.max()
    scaled = positive / highest if highest > 0 else positive
    return np.asarray(scaled, dtype=np.float32)
