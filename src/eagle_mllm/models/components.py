"""The fast way from subsets to pixels: every region is resized once, a subset is their sum."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.masking import FillName, fill_image
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.pipeline import PixelPipeline, View
from eagle_mllm.models.pixels import PixelSource
from eagle_mllm.models.resampling import AxisWeights


class ComponentPixels(PixelSource):
    """Pixels of subsets as sums of region components, made on the model's device.

    A resize is linear, so resize(I_S) = resize(fill) + Σ_{r in S} resize(image − fill, in r alone).
    Each term of the sum is computed once for an image and never leaves the device.

    A component is computed on the bounding box of its region, one region at a time, and kept on
    the window of the view that the box reaches. So all of them together hold a few times the
    numbers of one view where regions are compact, not (number of regions) times as many, and no
    copy of a large photograph in floating point is made for each region. (Regions that are each
    scattered over the whole image need a whole view each.)

    The sum is clipped and rounded to 8 bits, as in Pillow. Pillow also rounds and clips between
    its horizontal and its vertical pass, which is not linear and is left out here: some values
    differ from those of `ProcessorPixels` by a grey level, a few at hard borders by more. The mean
    difference is far below 2/255.

    Args:
        pipeline: the steps of the image processor for an image of this size.
        image: the image.
        regions: a partition of it.
        fill: what hidden pixels become.
        device: where components are kept and summed.
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
        self._seen = np.zeros(len(regions), bool)
        filled = fill_image(image, fill)
        resizers = [
            _Resizer(view, image.shape[:2], resample=pipeline.resample, device=device)
            for view in pipeline.views
        ]
        self._sums = [_Sum(_resized_fill(resizer, filled)) for resizer in resizers]
        for region, (rows, columns) in enumerate(bounding_boxes(regions)):
            inside = regions.labels[rows, columns, np.newaxis] == region
            difference = image[rows, columns].astype(np.int16) - filled[rows, columns]
            for resizer, total in zip(resizers, self._sums, strict=True):
                component = resizer(difference * inside, rows, columns)
                if component is not None and bool(component.values.any()):
                    self._seen[region] = True
                    total.components.append((region, component))

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"]:
        """See `PixelSource`: regions outside the crop, and those that equal the fill, are not."""
        return self._seen

    @property
    def stored_values(self) -> int:
        """Numbers kept on the device."""
        return sum(total.stored_values for total in self._sums)

    def __call__(self, shown: Subsets) -> dict[str, Tensor]:
        """See `PixelSource`."""
        weights = torch.tensor(shown, device=self._device, dtype=torch.float32)
        return self._pipeline.finish([total(weights) for total in self._sums])


class _Component(NamedTuple):
    """What is added to a window of a view; nothing is added outside it."""

    rows: slice
    columns: slice
    values: Tensor
    """(3, rows, columns), in 8-bit units."""


class _Sum:
    """One view of the image with everything hidden, and what each region adds to it."""

    def __init__(self, hidden: Tensor) -> None:
        self.hidden = hidden
        self.components: list[tuple[int, _Component]] = []

    @property
    def stored_values(self) -> int:
        return self.hidden.numel() + sum(one.values.numel() for _, one in self.components)

    def __call__(self, weights: Tensor) -> Tensor:
        """Views (batch, 3, height, width) for weights (batch, regions) of 0 and 1."""
        views = self.hidden.expand(len(weights), -1, -1, -1).clone()
        # Always in the order of the regions, so that a row does not depend on its batch mates.
        for region, component in self.components:
            window = views[:, :, component.rows, component.columns]
            window.addcmul_(weights[:, region].view(-1, 1, 1, 1), component.values)
        return views


class _Resizer:
    """Resizes boxes of an image, everything else being 0, to a view of it."""

    def __init__(
        self, view: View, size: tuple[int, ...], *, resample: int, device: torch.device
    ) -> None:
        self.view = view
        self.device = device
        self._rows, self._columns = (
            AxisWeights(source, target, resample=resample)
            for source, target in zip(size, view.size, strict=True)
        )

    def __call__(self, box: np.ndarray, rows: slice, columns: slice) -> _Component | None:
        """The window that values (rows, columns, 3) of a box reach; None if it is not in view."""
        down = _overlap(self._rows.reached(rows), self.view.rows)
        across = _overlap(self._columns.reached(columns), self.view.columns)
        if down is None or across is None:
            return None
        values = torch.from_numpy(box).to(self.device).permute(2, 0, 1).float()
        values = self._matrix(self._rows, down, rows) @ values
        values = values @ self._matrix(self._columns, across, columns).T
        return _Component(
            rows=_moved(down, self.view.rows.start),
            columns=_moved(across, self.view.columns.start),
            values=values,
        )

    def _matrix(self, axis: AxisWeights, target: slice, source: slice) -> Tensor:
        return torch.from_numpy(axis.matrix(target, source)).to(self.device)


def bounding_boxes(regions: Regions) -> list[tuple[slice, slice]]:
    """The rows and the columns between which each region lies."""
    height, width = regions.labels.shape
    in_row = np.zeros((len(regions), height), bool)
    in_column = np.zeros((len(regions), width), bool)
    in_row[regions.labels, np.arange(height)[:, np.newaxis]] = True
    in_column[regions.labels, np.arange(width)] = True
    return [
        (_extent(rows), _extent(columns)) for rows, columns in zip(in_row, in_column, strict=True)
    ]


def _resized_fill(resizer: _Resizer, filled: RGBImage) -> Tensor:
    view = resizer.view
    height, width = filled.shape[:2]
    if (filled == filled[0, 0]).all():
        # One colour stays this colour: a large photograph need not be resized for it.
        colour = torch.tensor(filled[0, 0].tolist(), device=resizer.device, dtype=torch.float32)
        kept = view.rows.stop - view.rows.start, view.columns.stop - view.columns.start
        return colour.view(3, 1, 1).expand(3, *kept)
    whole = resizer(filled, slice(0, height), slice(0, width))
    assert whole is not None, "a view shows some of the image"
    return whole.values


def _extent(present: Bool[np.ndarray, " pixels"]) -> slice:
    (places,) = present.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1)


def _overlap(one: slice, other: slice) -> slice | None:
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def _moved(place: slice, origin: int) -> slice:
    return slice(place.start - origin, place.stop - origin)
