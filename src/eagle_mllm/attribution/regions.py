"""A partition of the image into regions: the set V = {0..N-1} whose subsets are shown or hidden."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import SupportsIndex

import numpy as np
from jaxtyping import Float

from eagle_mllm.arrays import LabelMap, Mask, RGBImage
from eagle_mllm.attribution.hierarchy import Merges, joined, require_merges
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.masks import array_from, painted
from eagle_mllm.errors import RegionError
from eagle_mllm.values import ArrayValue


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions(ArrayValue):
    """Which region each pixel belongs to.

    Every pixel belongs to exactly one region and every region has at least one pixel; a region
    need not be connected. Labels that are not 0..N-1 yet are renumbered by `from_labels`.

    Raises:
        RegionError: the label map is empty, or its labels are not 0..N-1 with each in use
    """

    labels: LabelMap
    """Region index of each pixel, 0..N-1, each used; kept as int32. Frames of a video come first:
    a region may last for several."""

    method: str = "labels"
    """How the partition was made: "slico", "slico-opencv", "seeds", "grid", "labels",
    "masks" or "pixels" (steps along a ranking of pixels)."""

    asked: int | None = None
    """How many regions were asked for, where a number was; `len(regions)` were made."""

    merges: Merges | None = field(default=None, compare=False)
    """The tree over the regions that a search follows, as `scipy.cluster.hierarchy.linkage` counts:
    what each of N - 1 steps joins, region k being k and what step k made N + k. `segment` builds
    it from colour and place; where it is None, `attribute` does. It takes no part in equality."""

    def __post_init__(self) -> None:
        _require_label_map(self.labels)
        first, last = int(self.labels.min()), int(self.labels.max())
        # Counting beats sorting on large images, but needs as many counters as the largest label.
        is_counted = first == 0 and last < self.labels.size
        if not is_counted or not np.bincount(self.labels.ravel()).all():
            raise RegionError(
                f"the labels run from {first} to {last} but not through 0..N-1 with each in use; "
                "number them with `Regions.from_labels(labels)`"
            )
        object.__setattr__(self, "labels", self.labels.astype(np.int32, copy=False))
        if self.merges is not None:
            require_merges(self.merges, last + 1)
            object.__setattr__(self, "merges", self.merges.astype(np.int32, copy=False))
        self._freeze_arrays()

    def __len__(self) -> int:
        return len(self.areas)

    def __repr__(self) -> str:
        size = "x".join(map(str, self.shape))
        asked = "" if self.asked is None else f", asked={self.asked}"
        return f"Regions({len(self)} regions of {size}, method={self.method!r}{asked})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of the image in pixels, after the number of frames if there are any."""
        return self.labels.shape

    @cached_property
    def areas(self) -> Float[np.ndarray, " regions"]:
        """Share of the image's pixels in each region; the shares sum to 1."""
        areas: np.ndarray = np.bincount(self.labels.ravel()) / self.labels.size
        areas.flags.writeable = False
        return areas

    @property
    def centroids(self) -> Float[np.ndarray, "regions axes"]:
        """Mean row and column of each region's pixels, after the mean frame if there are frames.

        The centroid of a region that is not convex may lie outside it.
        """
        flat = self.labels.ravel()
        sums = [np.bincount(flat, weights=axis.ravel()) for axis in np.indices(self.shape)]
        centroids: np.ndarray = np.stack(sums, axis=1) / np.bincount(flat)[:, np.newaxis]
        return centroids

    @property
    def layout(self) -> Layout:
        """Where the regions are and what belongs together, for a search."""
        merges = joined(self._places) if self.merges is None else self.merges
        return Layout(places=self._places, merges=merges)

    def linked(self, image: RGBImage) -> "Regions":
        """The same regions with a tree from their colours in an image, unless they have one.

        Args:
            image: `(h, w, 3)` or `(frames, h, w, 3)`, of the regions' shape
        """
        if self.merges is not None:
            return self
        flat, channels = self.labels.ravel(), image.reshape(-1, 3).T
        sums = [np.bincount(flat, weights=channel) for channel in channels]
        colours = np.stack(sums, axis=1) / np.bincount(flat)[:, np.newaxis] / 255
        return replace(self, merges=joined(self._places, colours))

    @cached_property
    def _places(self) -> Float[np.ndarray, "regions axes"]:
        # Kept: it goes over every pixel, and a search of each word of an answer asks for it.
        *frames, height, width = self.shape
        places: np.ndarray = self.centroids / [*frames, max(height, width), max(height, width)]
        places.flags.writeable = False
        return places

    def mask(self, indices: Iterable[SupportsIndex]) -> Mask:
        """The pixels of some regions.

        Args:
            indices: region indices, 0..N-1, in any order

        Returns:
            `(h, w)`, True where the pixel belongs to one of them

        Raises:
            RegionError: an index is not one of 0..N-1, or is a truth value
        """
        chosen = np.zeros(len(self), dtype=bool)
        for index in indices:
            chosen[self._index(index)] = True
        mask: np.ndarray = chosen[self.labels]
        return mask

    def _index(self, index: SupportsIndex) -> int:
        # True would pass for region 1, and an array of truth values for regions 0 and 1.
        if isinstance(index, bool | np.bool_):
            raise RegionError(
                "regions are chosen by index, not by truth value; "
                "pass `np.flatnonzero(shown)` for an array of truth values"
            )
        try:
            number = operator.index(index)
        except TypeError as error:
            raise RegionError(
                f"{index!r:.40} is not the index of a region; expected whole numbers"
            ) from error
        if not 0 <= number < len(self):
            raise RegionError(f"there is no region {number}; expected 0..{len(self) - 1}")
        return number

    @classmethod
    def from_labels(
        cls, labels: object, *, method: str = "labels", asked: int | None = None
    ) -> "Regions":
        """The partition given by a label map of any integers.

        Regions are numbered in the order of the label values: -1, 3, 7 become 0, 1, 2. Pixels with
        the same label make one region, connected or not.

        Args:
            labels: `(h, w)` or `(frames, h, w)` integers or truth values: an array, a tensor, a
                picture of one channel or nested lists
            method: how the partition was made
            asked: how many regions were asked for, where a number was

        Raises:
            RegionError: the labels are not two-dimensional, are no integers, or are empty
        """
        array = array_from(labels, "the label map")
        _require_label_map(array)
        return cls(labels=_renumbered(array), method=method, asked=asked)

    @classmethod
    def from_masks(cls, masks: object, *, shape: tuple[int, int] | None = None) -> "Regions":
        """The partition given by masks that may overlap and need not cover the image.

        A pixel of several masks goes to the smallest of them, so that a part on top of a whole
        keeps its pixels; of equally small ones the first wins. Pixels of no mask make one further
        region, the last. Regions keep the order of the masks, which is not the order that decides;
        a mask left without pixels is dropped.

        Args:
            masks: a stack `(N, h, w)` or `(N, 1, h, w)`, or one after the other: arrays of NumPy
                or of another library, PIL images of one channel or nested lists, of truth values
                or of integers with a single value beside 0; the dictionaries of SAM
                (`segmentation`) and of COCO; run lengths (`size`, `counts`) and polygons
            shape: height and width of the image; needed where polygons are all there is

        Raises:
            RegionError: there are no masks, all are empty, their shapes differ, or one is
                something else, such as numbers that a threshold has yet to turn into a mask
        """
        return cls(labels=_renumbered(painted(masks, shape=shape)), method="masks")


def _renumbered(labels: np.ndarray) -> LabelMap:
    if labels.dtype.kind != "b" and labels.min() >= 0 and labels.max() < labels.size:
        # The same as below, by counting instead of sorting: much faster on large images.
        used = np.bincount(labels.ravel().astype(np.intp)) > 0
        numbered: np.ndarray = (np.cumsum(used, dtype=np.int32) - np.int32(1))[labels]
        return numbered
    _, inverse = np.unique(labels, return_inverse=True)
    return inverse.reshape(labels.shape).astype(np.int32)


def _require_label_map(labels: np.ndarray) -> None:
    if not isinstance(labels, np.ndarray):
        raise RegionError(
            f"the labels are {type(labels).__name__}; call `Regions.from_labels(labels)`"
        )
    # A last axis of one is a channel that somebody forgot to drop, not a video one pixel wide.
    has_channel = labels.ndim > 2 and labels.shape[-1] == 1
    if labels.ndim not in (2, 3) or has_channel or labels.dtype.kind not in "iub":
        raise RegionError(
            f"the labels have shape {labels.shape} and dtype {labels.dtype}; "
            "expected one integer for each pixel, shape (h, w) or (frames, h, w)"
        )
    if labels.size == 0:
        raise RegionError(f"the labels have no pixels (shape {labels.shape}); expected an image's")
