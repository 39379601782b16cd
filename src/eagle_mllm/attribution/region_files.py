"""A partition of the image from a file: a map of labels, or masks.

    .npy            a map of labels (h, w); a stack of masks (N, h, w)
    .png            a map of labels: grey or palette values, or a colour for each region
    .npz            a map of labels, or masks: one stack, or one array for each
    .json           masks as SAM and COCO write them, or nested lists

Nothing is unpacked before its header has been compared with the image.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.attribution.image_files import opened
from eagle_mllm.attribution.npy import array_of, npz_arrays
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.borders import border, file_bytes
from eagle_mllm.errors import ImageError, RegionError

# 1,000 masks of four megapixels; a label map takes 8 bytes per pixel at most.
_MOST_BYTES = 1 << 32
_COLOUR = np.array([1 << 24, 1 << 16, 1 << 8, 1])
_MANY_LABELS = 16
# A label is thin if fewer of its pixels than this share are surrounded by pixels of its own.
_THIN = 0.1


def read_regions(path: Path, *, shape: tuple[int, int]) -> Regions:
    """The partition that a file gives to an image.

    Args:
        path: a file with one of the endings in `READERS`
        shape: height and width of the image

    Raises:
        RegionError: there is no such file, it is damaged or something else, or it is made for an
            image of another size
    """
    what = f"cannot read the regions in {path}"
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise RegionError(
            f"{what}: its ending is none of {', '.join(READERS)}; rename or convert it"
        )
    with border(RegionError, what, advice="expected a label map or masks"):
        try:
            return read(file_bytes(path, limit=_MOST_BYTES), shape)
        except (ImageError, RegionError) as error:
            raise RegionError(f"{what}: {error}") from error


def smoothing(regions: Regions) -> str | None:
    """Why a map of labels seems to have been smoothed, if it does.

    Scaling with interpolation and lossy formats put labels of their own between two neighbours:
    many of them, each but a line or specks along an edge between a few large ones.

    Args:
        regions: the partition that the map gave
    """
    thin = _inner_shares(regions) < _THIN
    count = int(thin.sum())
    if count < _MANY_LABELS or 3 * count < len(regions) or regions.areas[~thin].sum() < 0.5:
        return None
    return (
        f"{count} of its {len(regions)} labels are thin lines or specks between the others, as if "
        "it had been smoothed; scale label maps with nearest neighbour and save them without loss"
    )


def _inner_shares(regions: Regions) -> Float[np.ndarray, " regions"]:
    """Which share of each region's pixels has four neighbours of the same region."""
    labels = regions.labels
    is_inner = np.zeros(labels.shape, dtype=bool)
    middle = labels[1:-1, 1:-1]
    around = (labels[:-2, 1:-1], labels[2:, 1:-1], labels[1:-1, :-2], labels[1:-1, 2:])
    is_inner[1:-1, 1:-1] = np.logical_and.reduce([middle == side for side in around])
    inner = np.bincount(labels[is_inner], minlength=len(regions))
    shares: np.ndarray = inner / np.bincount(labels.ravel())
    return shares


def _from_npy(data: bytes, shape: tuple[int, int]) -> Regions:
    return _from_array(array_of(data), shape)


def _from_npz(data: bytes, shape: tuple[int, int]) -> Regions:
    arrays = npz_arrays(data, limit=_MOST_BYTES)
    chosen = next((arrays[name] for name in ("masks", "labels") if name in arrays), None)
    if chosen is None and len(arrays) == 1:
        (chosen,) = arrays.values()
    if chosen is None:
        return Regions.from_masks(list(arrays.values()), shape=shape)
    return _from_array(chosen, shape)


def _from_array(array: np.ndarray, shape: tuple[int, int]) -> Regions:
    if array.ndim > 2:
        return Regions.from_masks(array, shape=shape)
    if array.dtype.kind not in "iub":
        raise RegionError(f"it holds {array.dtype} values; a label map holds whole numbers")
    _require_shape(array.shape, shape)
    return Regions.from_labels(array)


def _require_shape(given: tuple[int, ...], shape: tuple[int, int]) -> None:
    if given != shape:
        raise RegionError(
            f"it has shape {given} and the image {shape}; a label map gives one region to each "
            "pixel"
        )


def _from_png(data: bytes, shape: tuple[int, int]) -> Regions:
    with opened(data, "it") as picture:
        _require_shape((picture.height, picture.width), shape)
        if picture.mode in {"L", "P", "1", "I", "I;16"}:
            return Regions.from_labels(np.asarray(picture).astype(np.int64))
        return Regions.from_labels(_colours(np.asarray(picture.convert("RGBA"))))


def _colours(channels: np.ndarray) -> Int[np.ndarray, "h w"]:
    return np.asarray(channels.astype(np.int64) @ _COLOUR)


def _from_json(data: bytes, shape: tuple[int, int]) -> Regions:
    document = json.loads(data)
    if _is_label_map(document, shape):
        return Regions.from_labels(document)
    _require_one_image(document)
    return Regions.from_masks(document, shape=shape)


def _is_label_map(document: Any, shape: tuple[int, int]) -> bool:
    return (
        isinstance(document, list)
        and len(document) == shape[0]
        and all(isinstance(row, list) and len(row) == shape[1] for row in document)
        and all(type(label) is int for row in document for label in row)
    )


def _require_one_image(document: Any) -> None:
    rows = document.get("annotations") if isinstance(document, dict) else document
    rows = rows if isinstance(rows, list) else []
    images = {str(row.get("image_id")) for row in rows if isinstance(row, dict)}
    if len(images) > 1:
        raise RegionError(f"its annotations are of {len(images)} images; keep those of one")


READERS: dict[str, Callable[[bytes, tuple[int, int]], Regions]] = {
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".png": _from_png,
    ".json": _from_json,
}
"""Ending → what reads such a file for an image of this height and width."""
