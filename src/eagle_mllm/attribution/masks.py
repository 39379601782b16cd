"""Masks from wherever they come: tensors, SAM's dictionaries, COCO's forms, pictures, lists.

`painted` lays them over each other as one map of labels; `array_from` is the one place that turns
a foreign array into NumPy's, without importing the package that made it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from eagle_mllm.arrays import LabelMap, Mask
from eagle_mllm.attribution.rle import Rle
from eagle_mllm.borders import border
from eagle_mllm.errors import DataError, RegionError

_FORMS = (
    "arrays or tensors (N, h, w) of truth values, SAM's dictionaries, COCO run lengths or "
    "polygons, PIL images"
)
# A stack of masks has no more pixels in a row than that many times fewer than it has masks.
_CHANNELS_LAST = 4


def painted(masks: object, *, shape: tuple[int, int] | None = None) -> LabelMap:
    """The index of the smallest mask that has each pixel, of equals the first.

    Args:
        masks: as in `Regions.from_masks`
        shape: height and width of the image, where known

    Returns:
        `(h, w)`; pixels of no mask hold the number of masks

    Raises:
        RegionError: there are no masks, none has a pixel, they are of several shapes, or one is
            something else
    """
    painting: _Painting | None = None
    count = 0
    for index, member in enumerate(_members(masks, shape)):
        mask = _mask(member, f"mask {index}", shape)
        painting = painting or _Painting(mask.shape)
        _require_shape(mask, index, shape or mask.shape)
        shape, count = mask.shape, index + 1
        painting.add(mask)
    if painting is None:
        raise RegionError("there are no masks; expected at least one of shape (h, w)")
    if (painting.owner < 0).all():
        raise RegionError(f"none of the {count} masks has a pixel; nothing to divide")
    return np.where(painting.owner < 0, count, painting.owner).astype(np.int32)


def array_from(value: object, what: str) -> np.ndarray:
    """A foreign array, tensor, picture or nested list as an array of NumPy.

    Args:
        value: what was handed over
        what: what to call it in messages

    Raises:
        RegionError: it cannot be converted
    """
    with border(RegionError, f"{what} cannot be read as an array", advice=f"expected {_FORMS}"):
        detach = getattr(value, "detach", None)  # a tensor of torch, perhaps on a GPU
        held: Any = detach().cpu() if callable(detach) else value
        if "bfloat16" in str(getattr(held, "dtype", "")):  # which NumPy does not know
            held = held.float()
        if hasattr(held, "__dlpack__") and not hasattr(held, "__array__"):
            return np.asarray(np.from_dlpack(held))
        return np.asarray(held)


class _Painting:
    """Masks laid over each other one by one."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.owner = np.full(shape, -1, dtype=np.int32)
        self._area = np.full(shape, np.prod(shape) + 1, dtype=np.int64)
        self._count = 0

    def add(self, mask: Mask) -> None:
        """Give the next mask the pixels that no smaller or equal one has."""
        area = np.count_nonzero(mask)
        won = mask & (area < self._area)
        self.owner[won] = self._count
        self._area[won] = area
        self._count += 1


def _members(masks: object, shape: tuple[int, int] | None) -> Iterator[Any]:
    """The masks one by one, as they are."""
    if isinstance(masks, Mapping):
        yield from _of_mapping(masks, shape)
    elif isinstance(masks, Image.Image):
        yield masks
    elif _is_array(masks):
        yield from _planes(array_from(masks, "the masks"), shape)
    elif isinstance(masks, Sequence) and _is_one_in_lists(masks):
        yield masks
    elif isinstance(masks, Iterable) and not isinstance(masks, str | bytes):
        yield from masks
    else:
        raise RegionError(f"masks cannot be read from {type(masks).__name__}; expected {_FORMS}")


def _is_array(value: object) -> bool:
    return any(hasattr(value, name) for name in ("__array__", "__dlpack__", "detach"))


def _is_one_in_lists(masks: Sequence[Any]) -> bool:
    """Whether these are the rows of one mask, or the polygons of one object."""
    first = masks[0] if masks else None
    return isinstance(first, list | tuple) and bool(first) and isinstance(first[0], int | float)


def _of_mapping(masks: Mapping[Any, Any], shape: tuple[int, int] | None) -> Iterator[Any]:
    for several in ("masks", "annotations"):
        if several in masks:
            yield from _members(masks[several], shape)
            return
    yield masks


def _planes(stack: np.ndarray, shape: tuple[int, int] | None) -> Iterator[np.ndarray]:
    """The masks of a stack: `(h, w)`, `(N, h, w)`, `(N, 1, h, w)`, `(1, N, h, w)`."""
    planes = stack
    if stack.ndim == 4:
        single = next((axis for axis in (1, 0, 3) if stack.shape[axis] == 1), None)
        planes = stack if single is None else stack.squeeze(axis=single)
    if planes.ndim == 2:
        planes = planes[np.newaxis]
    if planes.ndim != 3:
        raise RegionError(f"the masks have shape {stack.shape}; expected (N, h, w) or (N, 1, h, w)")
    _refuse_channels_last(planes, shape)
    yield from planes


def _refuse_channels_last(planes: np.ndarray, shape: tuple[int, int] | None) -> None:
    rows, columns, last = planes.shape
    is_last = (
        last * _CHANNELS_LAST < min(rows, columns)
        if shape is None
        else (planes.shape[:2] == shape and planes.shape[1:] != shape)
    )
    if is_last:
        raise RegionError(
            f"the masks have shape {planes.shape}, which seems to be (h, w, N); move the masks "
            "first with `np.moveaxis(masks, -1, 0)`"
        )


def _mask(member: Any, what: str, shape: tuple[int, int] | None) -> Mask:
    if isinstance(member, Mapping):
        return _of_dictionary(member, what, shape)
    if isinstance(member, Rle):
        return member.mask()
    if isinstance(member, Image.Image) and len(member.getbands()) > 1:
        raise RegionError(
            f"{what} is a picture of mode {member.mode}; expected one channel: "
            "`mask.convert('L').point(lambda value: 255 * (value > 127))`"
        )
    if isinstance(member, list | tuple) and not _is_nested_mask(member, shape):
        return _of_coco(member, what, shape)
    if member is None or isinstance(member, str | bytes):
        raise RegionError(f"{what} is {member!r:.40}; expected {_FORMS}")
    return _truth_values(array_from(member, what), what)


def _of_dictionary(member: Mapping[Any, Any], what: str, shape: tuple[int, int] | None) -> Mask:
    if "counts" in member:
        return _of_coco(_plain_runs(member), what, shape)
    for key in ("segmentation", "mask"):
        if key in member:
            return _mask(member[key], what, shape)
    keys = ", ".join(map(str, list(member)[:5])) or "nothing"
    raise RegionError(
        f"{what} is a dictionary of {keys}; expected 'segmentation', as SAM and COCO write it, "
        "or 'size' and 'counts'"
    )


def _plain_runs(member: Mapping[Any, Any]) -> dict[str, Any]:
    """Run lengths whose numbers are Python's, whatever made them."""
    return {
        key: value if isinstance(value, str | bytes) else array_from(value, key).tolist()
        for key, value in ((key, member.get(key)) for key in ("size", "counts"))
    }


def _of_coco(segmentation: Any, what: str, shape: tuple[int, int] | None) -> Mask:
    polygons = segmentation
    if isinstance(segmentation, list | tuple):
        polygons = [one.tolist() if isinstance(one, np.ndarray) else one for one in segmentation]
    try:
        return Rle.from_coco(polygons, size=shape).mask()
    except DataError as error:
        hint = "; pass `shape=(h, w)`" if shape is None else ""
        raise RegionError(f"{what}: {error}{hint}") from error


def _is_nested_mask(member: Sequence[Any], shape: tuple[int, int] | None) -> bool:
    """Whether lists hold the rows of a mask; else they are polygons."""
    rows = [row for row in member if isinstance(row, list | tuple)]
    if len(rows) != len(member) or len({len(row) for row in rows}) != 1:
        return False
    if shape is not None and (len(rows), len(rows[0])) == shape:
        return True
    # A single row would be a polygon as well.
    return len(rows) > 1 and all(
        isinstance(value, int) and value in (0, 1, 255) for row in rows for value in row
    )


def _truth_values(array: np.ndarray, what: str) -> Mask:
    mask = _plane(array, what)
    if mask.dtype.kind == "b":
        return mask
    if mask.dtype.kind == "f":
        raise RegionError(f"{what} has dtype {mask.dtype}; {_threshold(mask)}")
    if mask.dtype.kind not in "iu":
        raise RegionError(f"{what} has dtype {mask.dtype}; expected truth values, one per pixel")
    shown = mask != 0
    values = mask[shown]
    if (values[1:] != values[:-1]).any():
        raise RegionError(
            f"{what} holds more than two values; for a map of labels call "
            "`Regions.from_labels(labels)`, for a grey mask pass `mask > 127`"
        )
    return np.asarray(shown)


def _plane(array: np.ndarray, what: str) -> np.ndarray:
    single = next((axis for axis in (0, -1) if array.ndim == 3 and array.shape[axis] == 1), None)
    plane = array if single is None else array.squeeze(axis=single)
    if plane.ndim != 2 or plane.size == 0:
        raise RegionError(
            f"{what} has shape {array.shape} and dtype {array.dtype}; "
            "expected truth values of shape (h, w), one for each pixel"
        )
    return plane


def _threshold(values: np.ndarray) -> str:
    if not np.isfinite(values).all():
        return "some of its values are not finite; expected truth values, one per pixel"
    is_share = values.min() >= 0 and values.max() <= 1
    return f"pass `mask > {0.5 if is_share else 0}`, for {'shares' if is_share else 'logits'}"


def _require_shape(mask: Mask, index: int, expected: tuple[int, ...]) -> None:
    if mask.shape != expected:
        raise RegionError(
            f"mask {index} has shape {mask.shape}, not {expected}; expected masks of one image"
        )
