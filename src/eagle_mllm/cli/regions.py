"""From the `--regions` option to a partition of the image."""

from pathlib import Path

import numpy as np

from eagle_mllm.arrays import LabelMap, RGBImage
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.errors import RegionError

_FILES = (".npy", ".png")


def regions_for(image: RGBImage, source: str, *, n_regions: int) -> Regions:
    """Cut the image by a named method, or by a label map from a file.

    Args:
        image: The picture.
        source: A method of `segment`, or the path of a `.npy` or `.png` label map.
        n_regions: How many regions a method is asked for.

    Raises:
        RegionError: If the method is unknown, the number impossible, or the file unusable.
    """
    if Path(source).suffix.lower() in _FILES:
        return _from_file(Path(source), shape=image.shape[:2])
    return segment(image, method=source, n_regions=n_regions)


def _from_file(path: Path, *, shape: tuple[int, ...]) -> Regions:
    try:
        labels = _read_array(path) if path.suffix.lower() == ".npy" else _read_picture(path)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or something else"
        raise RegionError(f"cannot read the label map {path}: {reason}") from error
    if labels.dtype.kind not in "iub":
        raise RegionError(f"{path} holds {labels.dtype} values; a label map holds whole numbers")
    if labels.shape != shape:
        raise RegionError(
            f"{path} has shape {labels.shape} and the image {shape}; "
            "a label map gives one region to each pixel"
        )
    return Regions.from_labels(labels.astype(np.int64))


def _read_array(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, allow_pickle=False))


def _read_picture(path: Path) -> LabelMap:
    """Grey and palette values are the labels; in a colour picture each colour is a region."""
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode in {"L", "P", "1", "I", "I;16"}:
            return np.asarray(picture).astype(np.int64)
        channels = np.asarray(picture.convert("RGBA")).astype(np.int64)
    return np.asarray(channels @ np.array([1 << 24, 1 << 16, 1 << 8, 1]))
