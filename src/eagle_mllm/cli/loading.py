"""Loading a model from the command line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from eagle_mllm import connecting, loading
from eagle_mllm.attribution.model import Model
from eagle_mllm.engines.settings import ServerSettings
from eagle_mllm.models.settings import ModelSettings

_NO_BARS = "HF_HUB_DISABLE_PROGRESS_BARS"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The model to explain, and how it is run."""

    name: str | None = "demo"
    """As `load_model` takes it, or what a server calls its model; None for its only one."""

    settings: ModelSettings = field(default_factory=ModelSettings)

    server: ServerSettings | None = None
    """Where it is served; None for weights that are loaded here."""

    @property
    def label(self) -> str:
        """What people read."""
        return self.name or (self.server.urls[0] if self.server else "the model")


def open_model(choice: ModelChoice, *, show_bars: bool) -> Model:
    """Load the chosen model, or connect to its server.

    Args:
        choice: which model, and how
        show_bars: whether the libraries below may draw their download and loading bars

    Raises:
        ModelError: there is no such model, or it cannot be loaded or take images
    """
    with library_bars(show=show_bars):
        if choice.server is not None:
            return connecting.connect_by(choice.server, model=choice.name)
        return loading.load_model(str(choice.name), **choice.settings.options)


@contextmanager
def library_bars(*, show: bool) -> Iterator[None]:
    """Switch the progress bars of the libraries; they must be imported inside the block."""
    if show or _NO_BARS in os.environ:
        yield
        return
    os.environ[_NO_BARS] = "1"
    try:
        yield
    finally:
        os.environ.pop(_NO_BARS, None)
