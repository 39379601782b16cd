"""Ways to divide an image into regions.

The paper uses SLICO superpixels (SLIC with adaptive compactness). "slico" takes them from
scikit-image and needs nothing more; "slico-opencv" and "seeds" are OpenCV's, called as in the
reference. The two SLICO differ in detail, so `Regions.method` records which was used. Regions
of your own, such as masks of SAM, are made by `Regions.from_masks` and `Regions.from_labels`.
"""

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.images import ImageLike, pixels_of
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import MissingDependency, RegionError

_Labels = Integer[np.ndarray, "h w"]

# A photograph of 12 million pixels would take a minute, and models see far fewer.
_SLICO_PIXELS = 2**20

# A tree takes the square of the number of regions in memory; beyond, only an explanation builds it.
_MOST_LINKED = 4096

_INSTALL = 'pip install "eagle-mllm[superpixels]"'


def segment(image: ImageLike, *, method: str = "slico", n_regions: int = 64) -> Regions:
    """Divide an image into about `n_regions` regions.

    Superpixel algorithms treat the number as a wish; `Regions.asked` keeps it and
    `len(regions)` says how many came. Superpixels without a pixel, which OpenCV now and then
    returns, are dropped. For "slico" a photograph of more than about a million pixels is scaled
    down by a whole number first, so that region edges there keep to blocks of a few pixels. Up to
    4,096 regions come with the tree that a search follows (`Regions.merges`).

    Args:
        image: an RGB uint8 array, or anything else that `read_image` takes
        method: "slico" (scikit-image), "slico-opencv" or "seeds" (OpenCV, as the reference), or
            "grid" (rectangles in rows and columns)
        n_regions: how many regions to aim at, from 2 to the number of pixels

    Raises:
        ImageError: the image cannot be read
        RegionError: the method is unknown, or cannot make that many regions of this image
        MissingDependency: the method needs OpenCV's extra modules, which are not installed
    """
    if method not in _METHODS:
        raise RegionError(f"unknown method {method!r}; choose one of {', '.join(_METHODS)}")
    pixels = pixels_of(image)
    height, width = pixels.shape[:2]
    if not 2 <= n_regions <= height * width:
        raise RegionError(
            f"{n_regions} regions cannot be made of {height * width} pixels; "
            f"expected 2 to {height * width}"
        )
    labels = _METHODS[method](pixels, n_regions)
    regions = Regions.from_labels(labels, method=method, asked=n_regions)
    return regions if len(regions) > _MOST_LINKED else regions.linked(pixels)


_SLICO_BLUR = 1 / 16
"""Blur before clustering, in sides of a region: texture much finer than a region is no border."""


def _slico(image: RGBImage, n_regions: int) -> _Labels:
    from skimage.segmentation import slic

    height, width = image.shape[:2]
    step = math.ceil(math.sqrt(height * width / max(_SLICO_PIXELS, 64 * n_regions)))
    small = np.asarray(Image.fromarray(image).reduce(step))
    side = math.sqrt(small.shape[0] * small.shape[1] / n_regions)
    # Connected regions: fragments would be shown and hidden far from where they are looked for.
    labels: np.ndarray = slic(
        small,
        n_segments=n_regions,
        sigma=_SLICO_BLUR * side,
        slic_zero=True,
        enforce_connectivity=True,
        start_label=0,
        channel_axis=-1,
    )
    return labels.repeat(step, axis=0).repeat(step, axis=1)[:height, :width]


def _grid(image: RGBImage, n_regions: int) -> _Labels:
    height, width = image.shape[:2]
    rows, columns = _grid_shape(height, width, n_regions)
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    labels: np.ndarray = row[:, np.newaxis] * columns + column
    return labels


def _grid_shape(height: int, width: int, n_regions: int) -> tuple[int, int]:
    """Rows and columns near the number asked, with cells as square as that allows."""

    def distance(shape: tuple[int, int]) -> float:
        rows, columns = shape
        too_many = abs(math.log(rows * columns / n_regions))
        too_long = abs(math.log(height * columns / (width * rows)))
        return too_many + too_long

    most_rows = min(height, n_regions)
    shapes = (
        (rows, min(max(round(n_regions / rows), 1), width)) for rows in range(1, most_rows + 1)
    )
    return min(shapes, key=distance)


def _slico_opencv(image: RGBImage, n_regions: int) -> _Labels:
    height, width = image.shape[:2]
    region_size = int(math.sqrt(height * width / n_regions))
    # OpenCV (seen in 5.0) crashes the whole process where a superpixel is wider than the image.
    if min(height, width) < region_size:
        raise _too_narrow(image, n_regions, "slico-opencv")
    ximgproc = _opencv_ximgproc()
    slic = ximgproc.createSuperpixelSLIC(_bgr(image), region_size=region_size, ruler=20.0)
    slic.iterate(20)
    labels: np.ndarray = slic.getLabels()
    return labels


def _seeds(image: RGBImage, n_regions: int) -> _Labels:
    height, width = image.shape[:2]
    area = height * width / n_regions
    # Below three superpixels a side, or 16 pixels each, OpenCV (seen in 5.0) writes outside its
    # own memory or never returns.
    if area < 16 or min(height, width) < 3 * math.sqrt(area):
        raise _too_narrow(image, n_regions, "seeds")
    ximgproc = _opencv_ximgproc()
    levels = 3
    seeds = ximgproc.createSuperpixelSEEDS(width, height, 3, n_regions, levels)
    seeds.iterate(_bgr(image), 10)
    labels: np.ndarray = seeds.getLabels()
    return labels


def _bgr(image: RGBImage) -> np.ndarray:
    return np.ascontiguousarray(image[:, :, ::-1])


def _too_narrow(image: RGBImage, n_regions: int, method: str) -> RegionError:
    height, width = image.shape[:2]
    return RegionError(
        f"{method!r} cannot make {n_regions} regions of an image of {width} x {height} pixels; "
        "ask for another number, or use method='slico' or method='grid'"
    )


def _opencv_ximgproc() -> Any:
    """OpenCV's module of superpixels, from its contrib packages alone."""
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        raise MissingDependency(
            f"this method needs OpenCV's contrib modules: {_INSTALL} (only one OpenCV package may "
            "be installed), or use method='slico'"
        ) from error
    if not hasattr(cv2, "ximgproc"):
        raise MissingDependency(
            "the installed OpenCV has no ximgproc: only one OpenCV package may be installed, so "
            "`pip uninstall opencv-python opencv-python-headless` first and then "
            f"{_INSTALL}, or use method='slico'"
        )
    return cv2.ximgproc


_METHODS: Mapping[str, Callable[[RGBImage, int], _Labels]] = {
    "slico": _slico,
    "slico-opencv": _slico_opencv,
    "seeds": _seeds,
    "grid": _grid,
}
