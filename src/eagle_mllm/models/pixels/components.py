"""The fast way from subsets to pixels: every region is resized once, a subset is their sum."""

from collections.abc import Callable
from operator import methodcaller

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, fill_image
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pixels.pipeline import PixelPipeline
from eagle_mllm.models.pixels.seen import hideable_regions, seen_regions
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.pixels.sums import RegionSum, Resized


class ComponentPixels(PixelSource):
    """Pixels of subsets as sums of region components, made on the model's device.

    Pillow resizes along one axis and then along the other, and rounds and clips to 8 bits after
    each. The first half is linear up to its rounding,
    half(I_S) = half(fill) + Σ_{r in S} half(image − fill, in r alone), so each term is computed
    once for an image and never leaves the device. For a subset they are summed, rounded and
    clipped, and the second half is a matrix product. All of it is done in whole numbers, with
    Pillow's weights in fixed point, so that the results are Pillow's own.

    A component is computed on the bounding box of its region, one region at a time, and kept on
    the part of the view that the box reaches. So all of them together hold a few times the
    numbers of one image that is resized along one axis, where regions are compact, not (number of
    regions) times as many, and no copy of a large photograph in floating point is made for each
    region. (Regions that are each scattered over the whole image need as much as an image each.)

    Args:
        pipeline: the steps of the image processor for an image of this size
        image: the image
        regions: a partition of it
        fill: what hidden pixels become
        device: where components are kept and summed
    """

    def __init__(
        self,
        pipeline: PixelPipeline,
        image: RGBImage,
        *,
        regions: Regions,
        fill: FillName,
        device: torch.device,
    ) -> None:
        self._pipeline = pipeline.to(device)
        self._device = device
        filled = fill_image(image, fill)
        views = pipeline.views
        self._seen = seen_regions(views, image.shape[:2], regions=regions)
        self._hideable = hideable_regions(views, image, filled=filled, regions=regions)
        self._steps: list[RegionSum | Resized] = []
        for step in pipeline.steps:
            resample = step.resample
            if step.source is None:
                total = RegionSum(step.view, filled, resample=resample, device=device)
                self._steps.append(total)
            else:
                size = pipeline.steps[step.source].view.size
                self._steps.append(Resized(size, step.view, resample=resample, device=device))
        self._sums = [step for step in self._steps if isinstance(step, RegionSum)]
        for region, (rows, columns) in enumerate(bounding_boxes(regions)):
            inside = regions.labels[rows, columns, np.newaxis] == region
            difference = image[rows, columns].astype(np.int16) - filled[rows, columns]
            for total in self._sums:
                total.add(region, difference * inside, rows, columns)

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"]:
        """See `PixelSource`."""
        return self._seen

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"]:
        """See `PixelSource`."""
        return self._hideable

    def touching(self) -> Bool[np.ndarray, "rows regions"]:
        """See `PixelSource`."""
        columns = []
        for region in range(len(self._seen)):
            marks = self._results(methodcaller("marked", region), Resized.marked)
            columns.append(self._pipeline.touched(marks))
        return torch.stack(columns, dim=1).cpu().numpy()

    @property
    def stored_values(self) -> int:
        """Numbers kept on the device."""
        return sum(total.stored_values for total in self._sums)

    def __call__(self, shown: Subsets) -> Tensors:
        """See `PixelSource`."""
        numbers = torch.tensor(shown, device=self._device, dtype=torch.int32)
        return self._pipeline.finish(
            self._results(methodcaller("__call__", numbers), Resized.__call__)
        )

    def _results(
        self,
        of_image: Callable[[RegionSum], Tensor],
        of_step: Callable[[Resized, Tensor], Tensor],
    ) -> list[Tensor]:
        """What the steps give of the views."""
        results: list[Tensor] = []
        for step, described in zip(self._steps, self._pipeline.steps, strict=True):
            if isinstance(step, RegionSum):
                results.append(of_image(step))
            else:
                assert described.source is not None
                results.append(of_step(step, results[described.source]))
        return [results[index] for index in self._pipeline.shown]


def bounding_boxes(regions: Regions) -> list[tuple[slice, slice]]:
    """The rows and the columns that each region spans."""
    height, width = regions.labels.shape
    in_row = np.zeros((len(regions), height), bool)
    in_column = np.zeros((len(regions), width), bool)
    in_row[regions.labels, np.arange(height)[:, np.newaxis]] = True
    in_column[regions.labels, np.arange(width)] = True
    return [
        (_extent(rows), _extent(columns)) for rows, columns in zip(in_row, in_column, strict=True)
    ]


def _extent(present: Bool[np.ndarray, " pixels"]) -> slice:
    (places,) = present.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1)
