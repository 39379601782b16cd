"""Image files: which formats are read, up to which size, and what their headers say.

Pillow knows some forty formats, some of which start other programs (EPS runs Ghostscript, whatever
the file is called). Only those that people keep photographs in are tried, and a picture is refused
by the size in its header, before any of it is unpacked.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from eagle_mllm.borders import border, file_bytes, reason
from eagle_mllm.errors import ImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF")
"""What is read: a format that this Pillow lacks is skipped, and HEIF needs a plug-in."""

MAX_PIXELS = 89_478_485
"""89 megapixels, Pillow's own mark of a suspicious picture: about 5 GB of memory to explain it."""

_PLUGINS = ("Avif", "Jpeg2K", "Tiff", "WebP")
# Twice what the largest picture takes up unpacked.
_MOST_BYTES = 1 << 30
# Orientations 2 to 8 turn or mirror the stored pixels, those from 5 on swap the sides as well.
_SWAPPED = range(5, 9)
_OPENING = Lock()


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    """What a file says of its picture before its pixels are unpacked."""

    stored: tuple[int, int]
    """Height and width of the pixels as they are stored."""

    orientation: int
    """EXIF orientation, 1 to 8: how a viewer turns or mirrors them; 1 leaves them as they are."""

    @property
    def upright(self) -> tuple[int, int]:
        """Height and width of the picture as `read_image` gives it."""
        height, width = self.stored
        return (width, height) if self.orientation in _SWAPPED else (height, width)


def image_header(path: Path) -> ImageHeader:
    """Size and orientation of the picture in a file.

    Args:
        path: a regular file

    Raises:
        ImageError: it cannot be read or is not an image
    """
    with (
        border(ImageError, f"{path}: cannot be read", advice="expected one image file"),
        path.open("rb") as file,
        opened(file, str(path)) as image,
    ):
        return ImageHeader(stored=_stored(image), orientation=_orientation(image, file))


def _stored(image: Image.Image) -> tuple[int, int]:
    # Pillow gives the size of a TIFF as a viewer turns it.
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return int(tags[TiffImagePlugin.IMAGELENGTH]), int(tags[TiffImagePlugin.IMAGEWIDTH])
    return image.height, image.width


def _orientation(image: Image.Image, file: BinaryIO) -> int:
    """1 where there is no valid note of it, which viewers ignore as well."""
    try:
        noted = _exif(image, file).get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return noted if noted in range(1, 9) else 1


def _exif(image: Image.Image, file: BinaryIO) -> Image.Exif:
    # A PNG may note it behind its pixels, and Pillow unpacks them all to find out.
    if image.format == "PNG" and "exif" not in image.info:
        place = file.tell()
        file.seek(0)
        is_noted = b"eXIf" in file.read(_MOST_BYTES)
        file.seek(place)
        if not is_noted:
            return Image.Image.getexif(image)
    return image.getexif()


def image_bytes(path: Path) -> bytes:
    """The bytes of an image file, or of a pipe that ends, up to 1 GiB.

    Args:
        path: where it is

    Raises:
        ImageError: there is no such file, it is empty, a folder, a device, or too large
    """
    try:
        data = file_bytes(path, limit=_MOST_BYTES)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file; check the path") from error
    except (OSError, MemoryError) as error:
        raise ImageError(
            f"{path}: cannot be read ({reason(error)}); expected one image file"
        ) from error
    if not data:
        raise ImageError(f"{path}: the file is empty (0 bytes); fetch or export it again")
    return data


def opened(source: BinaryIO | bytes, name: str) -> Image.Image:
    """A picture of which no more than the header has been read.

    Args:
        source: an open file, or its content
        name: what to call it in messages

    Raises:
        ImageError: it is not an image of one of `FORMATS`, or damaged
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with _sizes_unjudged():
            return Image.open(file, formats=_formats())
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: is not an image in a format that is read here; expected PNG, JPEG, WebP, "
            "GIF, BMP, TIFF, PPM, AVIF or JPEG 2000"
        ) from error
    except Exception as error:  # Pillow's readers raise a dozen unrelated types
        raise damaged(name, error) from error


def require_pixels(size: tuple[int, int], name: str, *, max_pixels: int | None) -> None:
    """Refuse a picture that is empty or too large to explain.

    Args:
        size: width and height, in any order
        name: what to call it in messages
        max_pixels: the most pixels it may have; None for any number

    Raises:
        ImageError: it has no pixels, or too many
    """
    first, second = size
    if not first * second:
        raise ImageError(f"{name}: has no pixels ({first} x {second}); expected at least one")
    if max_pixels is not None and first * second > max_pixels:
        raise ImageError(
            f"{name}: has {first * second / 1e6:,.1f} megapixels, more than the limit of "
            f"{max_pixels / 1e6:,.1f}; scale it down, or raise `max_pixels`"
        )


def damaged(name: str, error: Exception) -> ImageError:
    """The error for a picture whose header or pixels cannot be decoded."""
    return ImageError(
        f"{name}: is damaged or truncated ({reason(error)}); fetch or export it again"
    )


def _formats() -> list[str]:
    _load_plugins()
    return [name for name in FORMATS if name in Image.OPEN]


@cache
def _load_plugins() -> None:
    # Not `Image.init`, which loads all forty.
    Image.preinit()
    for plugin in _PLUGINS:
        with suppress(ImportError):
            import_module(f"PIL.{plugin}ImagePlugin")


@contextmanager
def _sizes_unjudged() -> Iterator[None]:
    """Keep Pillow from warning of large pictures, on stderr: the limit is ours to say."""
    with _OPENING:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual
