"""The resizes that somebody asks Pillow for, answered by somebody else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import Any

from PIL import Image

Resize = Callable[[Image.Image, tuple[int, int], int], Image.Image]
"""From an image, the (width, height) that is asked for and a filter to the resized image."""

_ONE_AT_A_TIME = RLock()


class Unusual(Exception):
    """Pillow is asked for something that is not reproduced here."""


@contextmanager
def answered_resizes(answer: Resize) -> Iterator[None]:
    """Within this context `answer` makes the resizes of this thread instead of Pillow.

    A resize to the same size is a copy and remains one. Other threads go on with Pillow.

    Args:
        answer: makes the resized image

    Raises:
        Unusual: it is a resize of a part of an image, or one in two steps
    """
    original, thread = Image.Image.resize, get_ident()

    def resize(
        image: Image.Image,
        size: Any,
        resample: Any = None,
        box: Any = None,
        reducing_gap: Any = None,
    ) -> Image.Image:
        if get_ident() != thread:
            return original(image, size, resample, box, reducing_gap)
        size = int(size[0]), int(size[1])
        if image.size == size and box is None:
            return image.copy()
        if box is not None or reducing_gap is not None or image.mode != "RGB":
            raise Unusual
        default = Image.Resampling.BICUBIC
        return answer(image, size, int(default if resample is None else resample))

    with _ONE_AT_A_TIME:
        Image.Image.resize = resize  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Image.Image.resize = original  # type: ignore[method-assign]
