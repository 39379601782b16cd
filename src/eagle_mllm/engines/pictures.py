"""Images as they travel: 8-bit PNG, which loses nothing. JPEG would change probabilities by 0.8."""

import base64
import io

from PIL import Image

from eagle_mllm.arrays import RGBImage

_QUICK = 1
"""Level of compression; higher ones cost more time than they save."""


def png(image: RGBImage) -> bytes:
    """The pixels as a PNG file, without anything beside them."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=_QUICK)
    return file.getvalue()


def base64_text(picture: bytes) -> str:
    """A file as JSON can hold it."""
    return base64.b64encode(picture).decode()


def data_url(picture: bytes) -> str:
    """A PNG file as a URL that holds it."""
    return f"data:image/png;base64,{base64_text(picture)}"
