"""`preview.png`: the map as far as it is known, beside the place where the results will be."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.question import OnProgress
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Order
from eagle_mllm.cli.outputs import OutputFolder
from eagle_mllm.cli.signals import tidy_stack
from eagle_mllm.errors import ResultError
from eagle_mllm.report.preview import preview

NAME = "preview.png"

_MARK = "eagle preview: replaced by figure.png"
"""Written into the file, so that what a killed process left can be told from files of others."""

_SECONDS = 1.0
"""Least time from one preview to the next."""


@contextmanager
def previewed(
    output: OutputFolder, image: RGBImage, regions: Regions, *, tell: Callable[[str], None]
) -> Iterator[OnProgress]:
    """Draws each better order into `preview.png` of the folder, until the block ends.

    The first one is drawn at once, later ones a second apart. A file of that name that is not ours
    stays as it is, and a preview that cannot be written is not worth a failure: then there is none.

    Args:
        output: where the results will be
        image: the picture
        regions: a partition of it
        tell: takes a line about the first preview

    Yields:
        A function that takes an order of the regions and the images scored for it
    """
    path = output.folder / NAME
    last = -_SECONDS
    with tidy_stack() as stack:

        def on_progress(order: Order, _passes: int) -> None:
            nonlocal last
            if monotonic() - last < _SECONDS or not _is_ours(path):
                return
            with suppress(OSError, ResultError):
                if last < 0:
                    stack.callback(_remove, path)
                _write(preview(image, regions, order), path)
                if last < 0:
                    tell(f"first map: {path}")
            last = monotonic()

        yield on_progress


def _write(picture: RGBImage, path: Path) -> None:
    info = PngInfo()
    info.add_text("Comment", _MARK)
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", pnginfo=info, compress_level=1)


def _is_ours(path: Path) -> bool:
    """Whether the name is free, or an earlier preview has it."""
    if not os.path.lexists(path):
        return True
    with suppress(OSError):
        return path.is_file() and _MARK.encode() in path.read_bytes()[:200]
    return False


def _remove(path: Path) -> None:
    if os.path.lexists(path) and _is_ours(path):
        with suppress(OSError):
            path.unlink()
