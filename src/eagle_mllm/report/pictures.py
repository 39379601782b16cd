"""Pixels of the report: scaled images, saliency over an image, region boundaries, PNG bytes."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from math import sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped, UInt8
from PIL import Image

from eagle_mllm.arrays import LabelMap, Mask, RGBImage, Saliency
from eagle_mllm.errors import ResultError
from eagle_mllm.report.colors import saliency_colors

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_DIMMED_TO = 0.28


_LEAST_SIDE = 448


def picture_shape(shape: tuple[int, ...], *, max_side: int) -> tuple[int, int]:
    """Height and width at which to compute pictures: the longer side at most `max_side` pixels.

    Tiny images are enlarged by a whole factor, so that region boundaries stay thin lines.

    Raises:
        ResultError: the image has frames; pictures are of one image
    """
    height, width = size_of(shape)
    enlarged = max(1, min(_LEAST_SIDE, max_side) // max(shape))
    scale = enlarged * min(1.0, max_side / (enlarged * max(shape)))
    return max(1, round(height * scale)), max(1, round(width * scale))


def size_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of an image that can be drawn.

    Raises:
        ResultError: the image has frames; pictures are of one image
    """
    if len(shape) != 2:
        raise ResultError(
            f"pictures show one image, and this explanation is of shape {shape}, with frames; "
            "draw `attribution.saliency` frame by frame"
        )
    height, width = shape
    return height, width


def resized_image(image: RGBImage, shape: tuple[int, int]) -> UInt8[np.ndarray, "new_h new_w 3"]:
    """The image at another height and width, smoothly."""
    if image.shape[:2] == shape:
        return image
    resized = Image.fromarray(image).resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
    return np.asarray(resized)


def resized_values(
    values: Shaped[np.ndarray, "h w"], shape: tuple[int, int]
) -> Shaped[np.ndarray, "new_h new_w"]:
    """Labels or saliency at another height and width; nothing is mixed across regions."""
    height, width = values.shape
    rows = (np.arange(shape[0]) * height) // shape[0]
    columns = (np.arange(shape[1]) * width) // shape[1]
    return np.asarray(values[rows[:, None], columns[None, :]])


def saliency_over(image: RGBImage, saliency: Saliency, *, opacity: float = 0.62) -> RGBImage:
    """The image in grey with the saliency's colours over it."""
    grey = (image.astype(np.float32) @ _LUMA)[..., None]
    colors = saliency_colors(np.asarray(saliency, dtype=np.float64)).astype(np.float32)
    return np.rint((1.0 - opacity) * grey + opacity * colors).astype(np.uint8)


def boundaries(labels: LabelMap) -> Mask:
    """True on the pixels whose right or lower neighbour belongs to another region."""
    edges = np.zeros(labels.shape, dtype=bool)
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edges[:-1] |= labels[:-1] != labels[1:]
    return edges


_DIMMED, _LIT, _EDGE, _LIT_EDGE = range(4)
_VEIL = np.array([[14, 13, 20, 186], [0, 0, 0, 0], [255, 255, 255, 70], [255, 255, 255, 240]])


def veil(labels: LabelMap, shown: Sequence[int]) -> bytes:
    """A transparent PNG to lay over an image: all but the `shown` regions dimmed, all outlined."""
    lit = np.isin(labels, list(shown))
    kind = np.where(lit, _LIT, _DIMMED)
    beside_lit = lit | np.roll(lit, -1, 0) | np.roll(lit, -1, 1)
    kind = np.where(boundaries(labels), np.where(beside_lit, _LIT_EDGE, _EDGE), kind)
    return _indexed_png(kind.astype(np.uint8), _VEIL.astype(np.uint8))


def saliency_layer(saliency: Saliency) -> bytes:
    """The saliency's colours as an opaque PNG of 256 colours, to be laid over a grey image."""
    levels = np.rint(255.0 * np.clip(saliency, 0.0, 1.0)).astype(np.uint8)
    colors = saliency_colors(np.linspace(0.0, 1.0, 256))
    return _indexed_png(levels, np.insert(colors, 3, 255, axis=1))


def lit_regions(image: RGBImage, labels: LabelMap, shown: Sequence[int]) -> RGBImage:
    """The image with the regions of `shown` as they are, the others dimmed, all outlined."""
    lit = np.isin(labels, list(shown))
    picture = image.astype(np.float32)
    grey = np.repeat((picture @ _LUMA)[..., None], 3, axis=-1)
    picture = np.where(lit[..., None], picture, _DIMMED_TO * grey)
    edges = boundaries(labels)
    strength = np.where(lit | np.roll(lit, -1, 0) | np.roll(lit, -1, 1), 0.95, 0.35)[edges, None]
    picture[edges] = (1.0 - strength) * picture[edges] + strength * 255.0
    return np.rint(picture).astype(np.uint8)


def interior_point(mask: Mask) -> tuple[int, int]:
    """Row and column of a pixel deep inside the mask, for a label that must be on it.

    The mask is eroded until the next step would leave nothing; among the pixels left, the one
    nearest to their centroid is taken.
    """
    rows, columns = np.nonzero(mask)
    top, left = int(rows.min()), int(columns.min())
    core = np.pad(mask[top : rows.max() + 1, left : columns.max() + 1], 1)
    while (eroded := _eroded(core)).any():
        core = eroded
    inside = np.argwhere(core)
    nearest = ((inside - inside.mean(axis=0)) ** 2).sum(axis=1).argmin()
    row, column = inside[nearest]
    return top + int(row) - 1, left + int(column) - 1


def _eroded(mask: Mask) -> Mask:
    smaller = np.zeros_like(mask)
    smaller[1:-1, 1:-1] = (
        mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    )
    return smaller


class Badge(NamedTuple):
    """The place of a region's number: rank from 1, row and column in pixels."""

    rank: int
    row: int
    column: int


def badge_radius(shape: tuple[int, int], n_regions: int, *, least: float, most: float) -> float:
    """Radius in pixels of a badge that fits into a region of average size, within limits."""
    return min(max(0.42 * sqrt(shape[0] * shape[1] / n_regions), least), most)


def badges(
    labels: LabelMap, order: Int[np.ndarray, " regions"], *, count: int, apart: float
) -> tuple[Badge, ...]:
    """Numbers for the first `count` regions; one nearer than `apart` pixels to another is left out.

    Regions that vanished when the label map was scaled down get none.
    """
    placed: list[Badge] = []
    for rank, region in enumerate(order[:count].tolist(), start=1):
        mask = labels == region
        if not mask.any():
            continue
        row, column = interior_point(mask)
        near = (np.hypot(row - other.row, column - other.column) < apart for other in placed)
        if not any(near):
            placed.append(Badge(rank, row, column))
    return tuple(placed)


def png(image: RGBImage) -> bytes:
    """The image as a PNG file."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def _indexed_png(
    indices: UInt8[np.ndarray, "h w"], palette: UInt8[np.ndarray, "colors 4"]
) -> bytes:
    picture = Image.fromarray(indices).convert("P")
    picture.frombytes(indices.tobytes())  # as they are: converting maps greys to the palette
    picture.putpalette(palette[:, :3].tobytes())
    buffer = BytesIO()
    picture.save(buffer, format="PNG", optimize=True, transparency=palette[:, 3].tobytes())
    return buffer.getvalue()


def data_uri(png_bytes: bytes) -> str:
    """A PNG file as an address that carries the file itself."""
    return "data:image/png;base64," + b64encode(png_bytes).decode("ascii")


def run_lengths(labels: LabelMap) -> tuple[int, ...]:
    """The label map in reading order as label, length, label, length, ..."""
    flat = labels.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    lengths = np.diff(np.append(starts, flat.size))
    return tuple(np.stack([flat[starts], lengths], axis=1).ravel().tolist())
