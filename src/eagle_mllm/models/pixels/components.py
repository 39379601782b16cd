"""The fast way from subsets to pixels: every region is resized once, a subset is their sum."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, fill_image
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pixels.pipeline import PixelPipeline, View
from eagle_mllm.models.pixels.resampling import AxisWeights, columns_come_first
from eagle_mllm.models.pixels.seen import hideable_regions, seen_regions
from eagle_mllm.models.pixels.source import PixelSource, Tensors


class ComponentPixels(PixelSource):
    """Pixels of subsets as sums of region components, made on the model's device.

    Pillow resizes along one axis and then along the other, and rounds and clips to 8 bits after
    each. The first half is linear up to its rounding,
    half(I_S) = half(fill) + Σ_{r in S} half(image − fill, in r alone), so each term is computed
    once for an image and never leaves the device. For a subset they are summed, rounded and
    clipped, and the second half is a matrix product. What remains between these pixels and those
    of `ProcessorPixels` are ties of Pillow's fixed-point arithmetic: a grey level here and there.

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
        self._pipeline = pipeline
        self._device = device
        filled = fill_image(image, fill)
        views = pipeline.views
        self._seen = seen_regions(views, image.shape[:2], regions=regions)
        self._hideable = hideable_regions(views, image, filled=filled, regions=regions)
        self._sums = [
            _Sum(view, filled, resample=pipeline.resample, device=device) for view in pipeline.views
        ]
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
            marked = self._pipeline.arrange([total.marked(region) for total in self._sums])
            columns.append(marked["pixel_values"].flatten(1).any(dim=1))
        return torch.stack(columns, dim=1).cpu().numpy()

    @property
    def stored_values(self) -> int:
        """Numbers kept on the device."""
        return sum(total.stored_values for total in self._sums)

    def __call__(self, shown: Subsets) -> Tensors:
        """See `PixelSource`."""
        weights = torch.tensor(shown, device=self._device, dtype=torch.float32)
        return self._pipeline.finish([total(weights) for total in self._sums])


class _Component(NamedTuple):
    """What a region adds to a window of a half-resized view; it adds nothing outside."""

    rows: slice
    columns: slice
    values: Tensor
    """(3, rows, columns), in 8-bit units."""


class _Sum:
    """One view of the image with everything hidden, and what each region adds to it.

    All is kept resized along the rows alone: as many rows as the image has, or those of them that
    the view needs, and as many columns as the view. Where Pillow begins with the columns, image
    and view are turned before and the result is turned back.
    """

    def __init__(
        self, view: View, filled: RGBImage, *, resample: int, device: torch.device
    ) -> None:
        self._turned = columns_come_first(filled.shape[:2], view.size)
        if self._turned:
            view = View(view.size[::-1], view.columns, view.rows)
            filled = filled.swapaxes(0, 1)
        self._view = view
        self._device = device
        self._rows, self._columns = (
            AxisWeights(source, target, resample=resample)
            for source, target in zip(filled.shape[:2], view.size, strict=True)
        )
        # Pillow leaves out a resize to the same size.
        self._needed = view.rows
        self._down: Tensor | None = None
        if self._rows.source != self._rows.target:
            self._needed = self._rows.needed(view.rows)
            self._down = self._matrix(self._rows, view.rows, self._needed)
        self._hidden = self._half_resized_fill(filled)
        self._components: dict[int, _Component] = {}

    @property
    def stored_values(self) -> int:
        return self._hidden.numel() + sum(one.values.numel() for one in self._components.values())

    def add(self, region: int, box: np.ndarray, rows: slice, columns: slice) -> None:
        """Keep what values (rows, columns, 3) of a box add, unless that is nothing."""
        if self._turned:
            box, rows, columns = box.swapaxes(0, 1), columns, rows
        down = _overlap(rows, self._needed)
        across = _overlap(self._columns.reached(columns), self._view.columns)
        if down is None or across is None:
            return
        # Of the box, the rows that the view needs, resized to the columns that it reaches there:
        # (rows, columns, 3) -> (3, needed rows, view columns).
        values = self._half_resized(box[_moved(down, rows.start)], columns, across)
        if not bool(values.any()):
            return
        # From places in the image and the view to places in the kept, half-resized part.
        down = _moved(down, self._needed.start)
        across = _moved(across, self._view.columns.start)
        self._components[region] = _Component(down, across, values)

    def marked(self, region: int) -> Tensor:
        """True where a region may change the view (1, 1, height, width)."""
        shape = [kept.stop - kept.start for kept in (self._view.rows, self._view.columns)]
        mark = torch.zeros(1, 1, *shape, dtype=torch.bool, device=self._device)
        if region in self._components:
            rows, columns, values = self._components[region]
            changed = values.any(dim=0)
            if self._down is None:
                mark[:, :, rows, columns] = changed
            else:
                mark[:, :, :, columns] = self._down[:, rows].abs() @ changed.float() > 0
        return self._upright(mark)

    def __call__(self, weights: Tensor) -> Tensor:
        """Views (batch, 3, height, width) for weights (batch, regions) of 0 and 1."""
        half = self._hidden.expand(len(weights), -1, -1, -1).clone()
        # Always in the order of the regions, so that a subset does not depend on its batch mates.
        for region, one in self._components.items():
            window = half[:, :, one.rows, one.columns]
            window.addcmul_(weights[:, region].view(-1, 1, 1, 1), one.values)
        if self._down is None:
            return self._upright(half)
        # (view rows, needed rows) @ (batch, 3, needed rows, view columns)
        return self._upright(self._down @ half.clamp_(0, 255).add_(0.5).floor_())

    def _upright(self, views: Tensor) -> Tensor:
        return views.mT.contiguous() if self._turned else views

    def _half_resized_fill(self, filled: RGBImage) -> Tensor:
        columns = self._view.columns
        if (filled == filled[0, 0]).all():
            # One colour stays this colour: a large photograph need not be resized for it.
            colour = torch.tensor(filled[0, 0].tolist(), device=self._device, dtype=torch.float32)
            size = self._needed.stop - self._needed.start, columns.stop - columns.start
            return colour.view(3, 1, 1).expand(3, *size)
        return self._half_resized(filled[self._needed], slice(0, filled.shape[1]), columns)

    def _half_resized(self, box: np.ndarray, columns: slice, across: slice) -> Tensor:
        values = torch.from_numpy(box).to(self._device).permute(2, 0, 1).float()
        return values @ self._matrix(self._columns, across, columns).T

    def _matrix(self, axis: AxisWeights, target: slice, source: slice) -> Tensor:
        return torch.from_numpy(axis.matrix(target, source)).to(self._device)


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


def _overlap(one: slice, other: slice) -> slice | None:
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def _moved(place: slice, origin: int) -> slice:
    return slice(place.start - origin, place.stop - origin)
