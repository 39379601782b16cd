"""Hidden regions cut into smaller ones, where a region is still a large part of the image."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.arrays import LabelMap, Mask
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.hallucination.answers import ClosedQuestion
from eagle_mllm.hallucination.direct import DirectSearch, Removal, Removals
from eagle_mllm.hallucination.halving import halves
from eagle_mllm.values import ArrayValue

_HALVINGS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden(ArrayValue):
    """Regions of a partition that are hidden."""

    regions: Regions
    removed: Int[np.ndarray, " removed"]

    area: float
    """Their share of what the model sees of the image."""

    areas: Float[np.ndarray, " regions"]
    """The share of each region."""

    def __post_init__(self) -> None:
        self._freeze_arrays()

    @classmethod
    def of(
        cls, removal: Removal, regions: Regions, areas: Float[np.ndarray, " regions"]
    ) -> "Hidden":
        """The regions that a removal hides."""
        return cls(regions=regions, removed=removal.removed, area=removal.area, areas=areas)

    @property
    def mask(self) -> Mask:
        """True where the image is hidden."""
        return self.regions.mask(self.removed)


class Bound(NamedTuple):
    """What it takes to score other regions of the same image."""

    model: Model
    generation: Generation
    closed: ClosedQuestion
    fill: FillName


class Cut(NamedTuple):
    """A finer partition, and which of its regions came of the ones that were cut."""

    regions: Regions
    parts: Int[np.ndarray, " parts"]


def split(
    search: DirectSearch, bound: Bound, hidden: Hidden, *, evaluate: SubsetEvaluator
) -> Hidden:
    """The hidden regions cut and pruned, as often as the search says, while they are large.

    Args:
        search: how often, and what is small
        bound: the model, the answer and what is right
        hidden: regions whose removal corrects the answer
        evaluate: counts the passes
    """
    for _ in range(search.splits):
        if hidden.area <= search.small:
            break
        smaller = _once(bound, hidden, evaluate)
        if smaller is None:
            break
        hidden = smaller
    return hidden


def _once(bound: Bound, hidden: Hidden, evaluate: SubsetEvaluator) -> Hidden | None:
    regions, parts = cut(hidden.regions, hidden.removed.tolist())
    model, generation, closed, fill = bound
    scorer = model.scorer(generation, closed.asked, regions, fill=fill)
    scores = evaluate.recut(scorer, len(regions)).summed(closed.groups)
    areas = _areas(regions, hidden)
    removals = Removals(scores, areas, accepted=closed.right.ids)
    seen = parts[areas[parts] > 0]
    removals.try_all(removals.rows(seen[:, np.newaxis]))
    if not removals.found:
        removals.try_all(removals.rows([parts]))
        for removal in removals.smallest():
            removals.pruned(removal)
    # Parts of regions may be resampled a little differently, so that the whole corrects no more.
    smallest = next(iter(removals.smallest()), None)
    if smallest is None or smallest.area >= hidden.area:
        return None
    return Hidden.of(smallest, regions, areas)


def _areas(regions: Regions, hidden: Hidden) -> Float[np.ndarray, " regions"]:
    """Shares of the finer regions, in proportion to their pixels; unseen regions have none."""
    coarse = hidden.regions
    of_seen = hidden.areas / coarse.areas
    first = np.zeros(len(regions), dtype=int)
    first[regions.labels.ravel()] = coarse.labels.ravel()
    areas: np.ndarray = regions.areas * of_seen[first]
    return areas


def cut(regions: Regions, chosen: Collection[int]) -> Cut:
    """Some regions in four parts each, halved twice across the longer side.

    The other regions stay and keep their numbers; a region of fewer than four pixels has fewer
    parts.

    Args:
        regions: a partition
        chosen: indices of those to cut
    """
    labels = regions.labels.copy()
    parts: list[int] = []
    fresh = len(regions)
    for region in chosen:
        pixels = np.argwhere(regions.labels == region)
        blocks = _quarters(pixels)
        numbers = [int(region), *range(fresh, fresh + len(blocks) - 1)]
        fresh += len(blocks) - 1
        for number, block in zip(numbers, blocks, strict=True):
            _paint(labels, pixels[block], number)
        parts += numbers
    return Cut(Regions(labels=labels, method=regions.method, asked=regions.asked), np.sort(parts))


def _quarters(pixels: Int[np.ndarray, "pixels axes"]) -> list[Int[np.ndarray, " _"]]:
    places = pixels.astype(np.float64)
    blocks: list[Int[np.ndarray, " _"]] = [np.arange(len(pixels))]
    for _ in range(_HALVINGS):
        blocks = [half for block in blocks for half in halves(block, places)]
    return blocks


def _paint(labels: LabelMap, pixels: Int[np.ndarray, "pixels axes"], number: int) -> None:
    labels[tuple(pixels.T)] = number
