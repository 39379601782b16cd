"""How a model is loaded and run: the settings that front ends, runs and models share.

This file is light: it knows neither torch nor transformers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from eagle_mllm.errors import SettingError

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
"""Precision of the weights; "auto" is the checkpoint's on a GPU and float32 on the CPU."""

BatchSize = int | Literal["auto"]
"""Images per forward pass; "auto" chooses from the free memory of the device."""

PixelPath = Literal["component", "processor"]
"""How pixels are made: added up from region components, or by the model's image processor."""

PixelChoice = Literal["auto", "component", "processor"]
"""A path, or "auto": components where they reproduce the model's image processor."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """How weights are loaded and run; `eagle_mllm.load_model` explains each setting.

    Raises:
        SettingError: a value is unknown or out of range
    """

    device: str = "auto"
    """"auto" or a torch device."""

    dtype: Dtype = "auto"
    """Precision of the weights."""

    batch_size: BatchSize = "auto"
    """Images per forward pass."""

    revision: str | None = None
    """Branch, tag or commit of a hub repository."""

    pixels: PixelChoice = "auto"
    """How the pixels of images with hidden regions are made."""

    compile: bool = False
    """Whether torch compiles the model for the shapes of each sample."""

    template: Mapping[str, Any] = field(default_factory=dict)
    """Options of the chat template, such as `{"enable_thinking": False}`."""

    system: str | None = None
    """The system prompt; None for what the chat template does without one."""

    device_map: str | None = None
    """How accelerate spreads the weights over devices; None puts all on `device`."""

    trust_remote_code: bool = False
    """Whether code that comes with the checkpoint may run."""

    def __post_init__(self) -> None:
        if self.device_map is not None and self.device != "auto":
            raise SettingError(
                f"device={self.device!r} and device_map={self.device_map!r} exclude each other; "
                "give one of them"
            )
        if self.dtype not in get_args(Dtype):
            raise SettingError(
                f"unknown dtype {self.dtype!r}; choose one of {', '.join(get_args(Dtype))}"
            )
        checked_batch_size(self.batch_size)
        checked_pixels(self.pixels)

    @property
    def options(self) -> dict[str, Any]:
        """The settings as keyword arguments of `load_model`."""
        return asdict(self)


def checked_batch_size(batch_size: BatchSize) -> BatchSize:
    """The batch size, if it is "auto" or a positive integer.

    Raises:
        SettingError: it is not
    """
    # By exact type: to isinstance, True is an integer.
    if batch_size == "auto" or (type(batch_size) is int and batch_size >= 1):
        return batch_size
    raise SettingError(f"batch_size must be 'auto' or a positive integer; got {batch_size!r}")


def checked_pixels(choice: PixelChoice) -> PixelChoice:
    """The choice, if it is one.

    Raises:
        SettingError: it is not
    """
    if choice in get_args(PixelChoice):
        return choice
    raise SettingError(
        f"unknown pixels {choice!r}; choose one of {', '.join(get_args(PixelChoice))}"
    )
