"""Masks as COCO writes them: polygons, run lengths, and run lengths packed into text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.image_files import MAX_PIXELS
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
    def from_coco(cls, segmentation: object, *, size: tuple[int, int] | None = None) -> "Rle":
        """What COCO's instances hold under `segmentation`.

        Of several polygons those that cannot be are left out, as `dropped_pieces` tells, as long
        as one remains.

        Args:
            segmentation: polygons `[[x, y, x, y, ...], ...]`, whose union is the mask, or run
                lengths as a list of numbers or as text
            size: height and width of the image; run lengths bring their own

        Raises:
            DataError: it is none of these, does not fit the image, or marks no pixel
        """
        if isinstance(segmentation, Mapping):
            packed = _checked_runs(segmentation, size)
        else:
            packed = _drawn(_require_polygons(segmentation), size)
        if not coco_mask.area(packed):
            raise DataError(_why_empty(segmentation, packed["size"]))
        return _packed(packed)


def dropped_pieces(segmentation: object, *, size: tuple[int, int]) -> tuple[str, ...]:
    """Why some polygons of a segmentation are left out, one reason for each.

    Args:
        segmentation: as in `Rle.from_coco`
        size: height and width of the image
    """
    pieces = segmentation if isinstance(segmentation, Sequence) else ()
    faults = [_fault(piece, size) for piece in pieces]
    return tuple(f"polygon {at} {fault}" for at, fault in enumerate(faults) if fault is not None)


def _packed(coco: Mapping[str, Any]) -> Rle:
    height, width = coco["size"]
    return Rle(size=(int(height), int(width)), counts=coco["counts"].decode("ascii"))


def _require_polygons(segmentation: object) -> Sequence[Any]:
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str) or not segmentation:
        raise DataError(f"segmentation is {segmentation!r:.40}, expected {_FORMS}")
    if all(_is_number(value) for value in segmentation):
        raise DataError("segmentation is a bare list of numbers; write a polygon as [[x, y, ...]]")
    return segmentation


def _drawn(polygons: Sequence[Any], size: tuple[int, int] | None) -> Mapping[str, Any]:
    """The union of the polygons that can be, as the library packs it."""
    if size is None:
        raise DataError("polygons do not say how large their image is")
    good = [piece for piece in polygons if _fault(piece, size) is None]
    if not good:
        raise DataError(dropped_pieces(polygons, size=size)[0])
    pieces = [[float(number) for number in polygon] for polygon in good]
    union: Mapping[str, Any] = coco_mask.merge(coco_mask.frPyObjects(pieces, *size))
    return union


def _fault(piece: Any, size: tuple[int, int]) -> str | None:
    """What is wrong with a polygon, if anything."""
    if not isinstance(piece, Sequence) or isinstance(piece, str):
        return f"is {piece!r:.40}, expected a list [x, y, x, y, ...]"
    if foreign := [number for number in piece if not _is_number(number)]:
        return f"holds {foreign[0]!r:.40}, expected numbers"
    if len(piece) % 2:
        return f"has {len(piece)} numbers, expected an even count: x and y of each corner"
    if len(piece) < 6:  # the library takes four numbers for a box
        return f"has {len(piece) // 2} corners, expected three or more"
    # Far outside the image there is nothing to mark, and the library would take long over it.
    far = 2 * max(size)
    if distant := [number for number in piece if not abs(number) <= far]:
        return f"reaches {distant[0]:g}, far outside the image of {size[0]} x {size[1]} pixels"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _why_empty(segmentation: object, size: Sequence[int]) -> str:
    height, width = size
    image = f"the image of {height} x {width} pixels"
    if isinstance(segmentation, Mapping):
        return f"the run lengths mark no pixel of {image}"
    corners = [
        (x, y)
        for piece in segmentation  # type: ignore[attr-defined]  # polygons, as checked
        if _fault(piece, (height, width)) is None
        for x, y in zip(piece[::2], piece[1::2], strict=True)
    ]
    inside = any(0 <= x <= width and 0 <= y <= height for x, y in corners)
    where = "is thinner than a pixel" if inside else f"lies outside {image}"
    return f"the segmentation marks no pixel: it {where}"


def _checked_runs(coded: Mapping[str, Any], size: tuple[int, int] | None) -> Mapping[str, Any]:
    """The same mask with packed counts, which the library itself does not check."""
    height, width = _declared(coded.get("size"), size)
    counts = coded.get("counts")
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", "replace")
    runs = unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or any(type(run) is not int or run < 0 for run in runs):
        raise DataError(f"counts is {counts!r:.40}, expected run lengths from 0")
    if sum(runs) != height * width:
        raise DataError(f"the runs cover {sum(runs)} pixels of {height * width}")
    packed: Mapping[str, Any] = coco_mask.frPyObjects(
        {"size": [height, width], "counts": runs}, height, width
    )
    return packed


def _declared(given: Any, size: tuple[int, int] | None) -> tuple[int, int]:
    sides = list(given) if isinstance(given, Sequence) else given
    if size is not None and sides != list(size):
        raise DataError(f"the mask is for {given!r:.40}, expected the image's {list(size)}")
    is_pair = isinstance(sides, list) and len(sides) == 2
    if not is_pair or any(type(side) is not int for side in sides):
        raise DataError(f"size is {given!r:.40}, expected [height, width]")
    if min(sides) < 1 or math.prod(sides) > MAX_PIXELS:
        raise DataError(f"size is {given!r:.40}, expected from 1 to {MAX_PIXELS:,} pixels")
    return sides[0], sides[1]


def unpacked(counts: str) -> list[int]:
    """The run lengths behind COCO's text form.

    Five bits per character, lowest first; a sixth says that more follow; from the fourth on each
    run is written as its difference to the one two before. The library's own decoder is not used:
    of text that is cut short it makes uninitialised pixels, and NumPy 2 warns of it.

    Raises:
        DataError: the text is cut or holds foreign characters
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
