"""A resize of the image as a sum of its regions, and a resize of what another one made."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.models.pixels.bands import Bands, as_levels
from eagle_mllm.models.pixels.pipeline import View
from eagle_mllm.models.pixels.resampling import AxisWeights, columns_come_first


class _Component(NamedTuple):
    """What a region adds to a window of a half-resized view; it adds nothing outside."""

    rows: slice
    columns: slice
    values: Tensor
    """(3, rows, columns), levels times whole weights."""


class RegionSum:
    """One resize of the image with everything hidden, and what each region adds to it.

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
        self._down: Bands | None = None
        if self._rows.source != self._rows.target:
            self._needed = self._rows.needed(view.rows)
            self._down = Bands(self._rows, target=view.rows, source=self._needed, device=device)
        self._hidden = self._half_resized_fill(filled)
        self._components: dict[int, _Component] = {}

    @property
    def stored_values(self) -> int:
        """Numbers kept on the device."""
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
        shape = [kept.stop - kept.start for kept in (self._needed, self._view.columns)]
        mark = torch.zeros(1, 1, *shape, dtype=torch.bool, device=self._device)
        if region in self._components:
            rows, columns, values = self._components[region]
            mark[:, :, rows, columns] = values.any(dim=0)
        return self._upright(mark if self._down is None else self._down.marked(mark, axis=0))

    def __call__(self, shown: Tensor) -> Tensor:
        """Levels (batch, 3, height, width) for whole numbers (batch, regions), 0 or 1."""
        half = self._hidden.expand(len(shown), -1, -1, -1).clone()
        # Always in the order of the regions, so that a subset does not depend on its batch mates.
        for region, one in self._components.items():
            window = half[:, :, one.rows, one.columns]
            window.addcmul_(shown[:, region].view(-1, 1, 1, 1), one.values)
        levels = as_levels(half)
        return self._upright(levels if self._down is None else self._down(levels, axis=0))

    def _upright(self, views: Tensor) -> Tensor:
        return views.mT.contiguous() if self._turned else views

    def _half_resized_fill(self, filled: RGBImage) -> Tensor:
        columns = self._view.columns
        if (filled == filled[0, 0]).all():
            # Every row is the same: a large photograph need not be resized for it.
            row = np.outer(filled[0, 0], self._columns.totals(columns)).astype(np.int32)
            rows = self._needed.stop - self._needed.start
            return torch.from_numpy(row).to(self._device)[:, None].expand(-1, rows, -1)
        return self._half_resized(filled[self._needed], slice(0, filled.shape[1]), columns)

    def _half_resized(self, box: np.ndarray, columns: slice, across: slice) -> Tensor:
        """Sums of levels times whole weights, which float64 holds on the way."""
        weights = self._columns.units(across, columns)
        values = box.transpose(2, 0, 1).astype(np.float64) @ weights.T
        return torch.from_numpy(values.astype(np.int32)).to(self._device)


class Resized:
    """A resize of another step's result, as Pillow does it: along one axis, then the other.

    Args:
        size: height and width of that result, all of which is there
        view: the size after the resize, and the part of it that is needed
        resample: the filter
        device: where the images are
    """

    def __init__(
        self, size: tuple[int, int], view: View, *, resample: int, device: torch.device
    ) -> None:
        self._kept = view.rows, view.columns
        self._passes: list[tuple[int, Bands]] = []
        for axis, kept in enumerate(self._kept):
            weights = AxisWeights(size[axis], view.size[axis], resample=resample)
            whole = slice(0, weights.source)
            if weights.source != weights.target:  # Pillow leaves out a resize to the same size
                bands = Bands(weights, target=kept, source=whole, device=device)
                self._passes.append((axis, bands))
        if not columns_come_first(size, view.size):
            self._passes.reverse()

    def __call__(self, levels: Tensor) -> Tensor:
        """From levels (batch, 3, height, width) to such."""
        for axis, bands in self._passes:
            levels = bands(levels, axis=axis)
        return self._cut(levels)

    def marked(self, mark: Tensor) -> Tensor:
        """True where a marked place may change the result; both (1, 1, height, width)."""
        for axis, bands in self._passes:
            mark = bands.marked(mark, axis=axis)
        return self._cut(mark)

    def _cut(self, levels: Tensor) -> Tensor:
        """What is needed along the axes that keep their length."""
        for axis in {0, 1} - {axis for axis, _ in self._passes}:
            kept = self._kept[axis]
            levels = levels.narrow(axis + 2, kept.start, kept.stop - kept.start)
        return levels.contiguous()


def _overlap(one: slice, other: slice) -> slice | None:
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return slice(start, stop) if start < stop else None


def _moved(place: slice, origin: int) -> slice:
    return slice(place.start - origin, place.stop - origin)
