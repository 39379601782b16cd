"""Any image a user may hand over, as the pixels that the model is shown.

Everything that follows (regions, hiding, saliency maps) counts pixels of this one array, so what
is read here must be what a viewer shows: upright, opaque, 8 bits, RGB.
"""

from os import PathLike, fspath
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.image_files import (
    MAX_PIXELS,
    damaged,
    image_bytes,
    opened,
    require_pixels,
)
from eagle_mllm.errors import ImageError

ImageLike = str | PathLike[str] | Image.Image | np.ndarray
"""A path, a PIL image, or a uint8 array: `(h, w)`, `(h, w, 1)`, `(h, w, 3)` or `(h, w, 4)`."""

_WHITE = (255, 255, 255, 255)
_SIXTEEN_BIT_FILES = {"PNG", "PPM"}


def read_image(image: ImageLike, *, max_pixels: int | None = MAX_PIXELS) -> RGBImage:
    """The pixels of an image as 8-bit RGB.

    The rotation noted by a camera (EXIF) is applied, transparency is laid on white, 16-bit grey is
    scaled to 8 bits, and grey, palette, CMYK and other colour models become RGB. A picture that
    carries auxiliary pictures (MPO, from some phones and cameras) gives its first one. Files are
    read in the formats of `image_files.FORMATS`.

    Args:
        image: a path to a file, a PIL image, or a uint8 array whose last axis, if there are
            three, holds grey, RGB or RGB with alpha
        max_pixels: the most pixels to accept, by default 89 million, which take about 5 GB to
            explain; None for any number

    Returns:
        A new array of shape `(h, w, 3)`

    Raises:
        ImageError: the file is missing, empty, truncated, not an image, or holds several frames;
            the picture is larger than `max_pixels`; or the pixels are floats or of a shape that
            is not an image
    """
    if isinstance(image, np.ndarray):
        return _from_array(image, max_pixels)
    if isinstance(image, Image.Image):
        name = str(getattr(image, "filename", "") or "the PIL image")
        return _from_pil(image, name, max_pixels)
    return _from_file(image, max_pixels)


def pixels_of(image: ImageLike) -> RGBImage:
    """The pixels of an image as `read_image` gives them; an array may be of any size.

    Who hands over pixels has read them already, with a limit or without.

    Args:
        image: as for `read_image`

    Raises:
        ImageError: as `read_image`
    """
    limit = None if isinstance(image, np.ndarray) else MAX_PIXELS
    return read_image(image, max_pixels=limit)


def path_of(image: ImageLike) -> str | None:
    """Where an image comes from: its path, or None for pixels."""
    return fspath(image) if isinstance(image, str | PathLike) else None


def _from_file(location: object, max_pixels: int | None) -> RGBImage:
    if not isinstance(location, str | PathLike):
        raise ImageError(
            f"an image cannot be read from {type(location).__name__}; "
            "expected a path, a PIL image or a uint8 array"
        )
    name = str(location)
    if name.startswith(("http://", "https://")):
        raise ImageError(f"{name}: is an address, not a file; download it first and give its path")
    with opened(image_bytes(Path(location)), name) as image:
        return _from_pil(image, name, max_pixels)


def _from_pil(image: Image.Image, name: str, max_pixels: int | None) -> RGBImage:
    require_pixels(image.size, name, max_pixels=max_pixels)
    _refuse_frames(image, name)
    # The copies below forget the file format, and only it tells what a 32-bit mode stands for.
    sixteen_bit = image.mode.startswith("I;16") or (
        image.mode == "I" and image.format in _SIXTEEN_BIT_FILES
    )
    if image.mode in {"I", "F"} and not sixteen_bit:
        raise ImageError(
            f"{name}: has 32-bit pixels (mode {image.mode}), whose white is anyone's guess; "
            "scale them to 0..255 and convert to uint8 first"
        )
    try:
        image.load()
        image = _upright(image)
        if sixteen_bit:
            image = Image.fromarray(_eight_bits(np.asarray(image)))
        return np.array(_opaque(image), dtype=np.uint8)
    except Exception as error:  # as do its decoders
        raise damaged(name, error) from error


def _refuse_frames(image: Image.Image, name: str) -> None:
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception as error:  # counting frames walks through the file, and may find it broken
        raise damaged(name, error) from error
    if frames > 1 and image.format != "MPO":
        raise ImageError(
            f"{name}: has {frames} frames or pages; expected a single still image; choose one "
            "with `image = PIL.Image.open(path); image.seek(0)` and pass `image.copy()`"
        )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF says nothing about the pixels; viewers ignore it as well
        return image


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """16-bit values to 8 bits, rounded: 65535 becomes 255, and 257 becomes 1."""
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    # "La", grey with premultiplied alpha, converts to "LA" alone.
    layer = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer).convert("RGB")


def _from_array(array: np.ndarray, max_pixels: int | None) -> RGBImage:
    expected = "expected uint8 in 0..255 of shape (h, w, 3)"
    if array.dtype != np.uint8:
        advice = _scaling_advice(array.dtype)
        raise ImageError(f"the image array has dtype {array.dtype}; {expected}; {advice}")
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        channels_first = array.ndim == 3 and array.shape[0] in {1, 3, 4}
        advice = "; move the channels last with `np.moveaxis(image, 0, -1)`"
        expected += advice if channels_first else ""
        raise ImageError(f"the image array has shape {array.shape}; {expected}")
    require_pixels((array.shape[1], array.shape[0]), "the image array", max_pixels=max_pixels)
    pixels = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return np.array(_opaque(Image.fromarray(np.ascontiguousarray(pixels))), dtype=np.uint8)


def _scaling_advice(dtype: np.dtype) -> str:
    if dtype.kind == "f":
        return "if its values lie in 0..1, pass `(image * 255).round().astype(np.uint8)`"
    if dtype == np.uint16:
        return "pass `(image // 257).astype(np.uint8)`"
    return "scale its values to 0..255 and pass `image.astype(np.uint8)`"
