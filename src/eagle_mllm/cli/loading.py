"""Loading a model from the command line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eagle_mllm.attribution.model import Model
from eagle_mllm.cli.options import PixelsChoice
from eagle_mllm.cli.parsing import BatchSize

_NO_BARS = "HF_HUB_DISABLE_PROGRESS_BARS"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which weights answer, and how they are run."""

    name: str = "demo"
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    batch_size: BatchSize = "auto"
    pixels: PixelsChoice = "auto"


def open_model(choice: ModelChoice, *, show_bars: bool) -> Model:
    """Load the chosen model.

    Args:
        choice: Which model, and how.
        show_bars: Whether the libraries below may draw their download and loading bars.

    Raises:
        ModelError: If there is no such model, or it cannot be loaded or take images.
    """
    with library_bars(show=show_bars):
        from eagle_mllm.models import registry

        return registry.load_model(
            choice.name,
            revision=choice.revision,
            device=choice.device,
            dtype=choice.dtype,
            batch_size=choice.batch_size,
            pixels=choice.pixels,
        )


@contextmanager
def library_bars(*, show: bool) -> Iterator[None]:
    """The libraries read their switch when they are imported, which happens inside."""
    if show or _NO_BARS in os.environ:
        yield
        return
    os.environ[_NO_BARS] = "1"
    try:
        yield
    finally:
        os.environ.pop(_NO_BARS, None)
