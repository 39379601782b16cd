"""Where a model runs, and in which precision."""

from typing import Any

import torch

from eagle_mllm.errors import SettingError
from eagle_mllm.models.settings import Dtype

_KINDS = ("cpu", "cuda", "mps")


def choose_device(device: str) -> torch.device:
    """The device of a name; "auto" is the first of CUDA, MPS and the CPU.

    Raises:
        SettingError: there is no such device here
    """
    counts = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if device == "auto":
        return torch.device(next(kind for kind, count in counts.items() if count))
    chosen = _device(device)
    if chosen is None:
        raise SettingError(
            f"unknown device {device!r}; choose one of auto, {', '.join(_KINDS)} or cuda:1"
        )
    if (chosen.index or 0) >= counts[chosen.type]:
        raise SettingError(f"device {device!r} is not available to torch here; use device='auto'")
    return chosen


def _device(name: str) -> torch.device | None:
    # Not every kind that torch can spell, such as "meta", can run a model; some even warn.
    if name.partition(":")[0] not in _KINDS:
        return None
    try:
        return torch.device(name)
    except (RuntimeError, ValueError):
        return None


def choose_dtype(dtype: Dtype, device: torch.device) -> Any:
    """What `from_pretrained` takes as dtype; "auto" is float32 on the CPU."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    return getattr(torch, dtype)
