"""Masks as COCO writes them: polygons, run lengths, and run lengths packed into text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from eagle_mllm.arrays import Mask
from eagle_mllm.errors import DataError

_FORMS = "polygons, or run lengths {'size': [h, w], 'counts': ...}"


@dataclass(frozen=True, kw_only=True)
class Rle:
    """A mask as compressed COCO run lengths, down the columns, hidden pixels first."""

    size: tuple[int, int]
    """Height and width."""
    counts: str

    def mask(self) -> Mask:
        """The mask, `size` large."""
        runs = unpacked(self.counts)
        flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        return flat.reshape(self.size, order="F")

    @classmethod
    def from_mask(cls, mask: Mask) -> "Rle":
        """The run lengths of a mask."""
        return _packed(coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8)))

    @classmethod
    def from_coco(cls, segmentation: object, *, size: tuple[int, int]) -> "Rle":
        """What stands under `segmentation` in COCO's instances.

        Args:
            segmentation: Polygons `[[x, y, x, y, ...], ...]`, whose union is the mask, or run
                lengths as a list of numbers or as text.
            size: Height and width of the image.

        Raises:
            DataError: It is none of these, does not fit the image, or marks no pixel.
        """
        if isinstance(segmentation, Mapping):
            packed = _checked_runs(segmentation, size)
        else:
            polygons = coco_mask.frPyObjects(_checked_polygons(segmentation, size), *size)
            packed = coco_mask.merge(polygons)
        if not coco_mask.area(packed):
            raise DataError("the segmentation marks no pixel of the image")
        return _packed(packed)


def _packed(coco: Mapping[str, Any]) -> Rle:
    height, width = coco["size"]
    return Rle(size=(int(height), int(width)), counts=coco["counts"].decode("ascii"))


def _checked_polygons(segmentation: object, size: tuple[int, int]) -> list[list[float]]:
    if not isinstance(segmentation, list) or not segmentation:
        raise DataError(f"segmentation is {segmentation!r:.40}, expected {_FORMS}")
    for polygon in segmentation:
        # The library takes four numbers for a box.
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise DataError("a polygon needs three corners or more, x and y of each")
        # Far outside the image there is nothing to mark, and the library would take long over it.
        far = 2 * max(size)
        if not all(type(number) in (int, float) and abs(number) <= far for number in polygon):
            raise DataError("a polygon holds something else than coordinates in the image")
    return [[float(number) for number in polygon] for polygon in segmentation]


def _checked_runs(coded: Mapping[str, Any], size: tuple[int, int]) -> Mapping[str, Any]:
    """The same mask with packed counts, which the library itself does not check."""
    if coded.get("size") != list(size):
        raise DataError(f"the mask is for {coded.get('size')!r}, expected the image's {list(size)}")
    counts = coded.get("counts")
    runs = unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or any(type(run) is not int or run < 0 for run in runs):
        raise DataError(f"counts is {counts!r:.40}, expected run lengths from 0")
    if sum(runs) != size[0] * size[1]:
        raise DataError(f"the runs cover {sum(runs)} pixels of {size[0] * size[1]}")
    packed: Mapping[str, Any] = coco_mask.frPyObjects({"size": list(size), "counts": runs}, *size)
    return packed


def unpacked(counts: str) -> list[int]:
    """The run lengths behind COCO's text form.

    Five bits a character, lowest first, a sixth says that more follow; from the fourth on each
    run stands as its difference to the one two before. The library's own decoder is not used: of
    text that is cut short it makes uninitialised pixels, and NumPy 2 warns of it.

    Raises:
        DataError: The text is cut or holds foreign characters.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise DataError(f"counts holds {character!r}, which is not of COCO's text form")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:  # the sign
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise DataError("counts ends inside a number")
    return runs
