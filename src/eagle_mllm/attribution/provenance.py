"""What a result was made with: software, model, regions and settings."""

import math
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.attribution.regions import Regions

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None
"""What a JSON file can hold."""

_PACKAGES = ("numpy", "pillow", "scikit-image", "torch", "transformers")


def provenance(
    *, model: ModelInfo, regions: Regions, settings: Mapping[str, Any]
) -> dict[str, JSON]:
    """Everything needed to make a result again, as plain JSON values.

    Versions are read from the installed packages' metadata, so nothing is imported; a package
    that is not installed has version `None`. The commit of this package is there only where it
    runs from a git checkout. There is no time of day: the same run gives the same values.

    Args:
        model: which weights answered, and how they were run
        regions: the partition of the image
        settings: what the method was asked to do (search, objective, fill, seed). Values that
            JSON does not know are kept as their text: a record must never spoil a finished run

    Returns:
        The keys `eagle`, `python`, `platform`, `packages`, `git`, `model`, `regions`, `settings`
    """
    return {
        **made_with(model),
        "regions": {
            "method": regions.method,
            "asked": regions.asked,
            "got": len(regions),
            "shape": [int(side) for side in regions.shape],
        },
        "settings": as_json(settings),
    }


def made_with(model: ModelInfo) -> dict[str, JSON]:
    """The part of it that is the same for every image: software, platform, commit and model.

    Args:
        model: which weights answered, and how they were run

    Returns:
        The keys `eagle`, `python`, `platform`, `packages`, `git`, `model`
    """
    return {
        "eagle": _installed("eagle-mllm"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _installed(name) for name in _PACKAGES},
        "git": _git(_checkout()),
        "model": {
            "id": model.id,
            "revision": model.revision,
            "family": model.family,
            "dtype": model.dtype,
            "device": model.device,
            "details": as_json(model.details),
        },
    }


def as_json(value: Any) -> JSON:
    """The same value in JSON's terms: equal to itself after writing and reading.

    Tuples and arrays become lists, dataclasses and mappings objects with text keys, NumPy numbers
    Python's; NaN and infinity, which JSON lacks, and anything else become text.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _checkout() -> Path | None:
    """The git checkout this package runs from, if it does.

    Walking up to any `.git` would find the project that a user's virtual environment lies in.
    """
    package = Path(__file__).resolve().parents[1]
    root = package.parents[1]
    is_ours = package == root / "src" / "eagle_mllm" and (root / ".git").exists()
    return root if is_ours else None


def _git(root: Path | None) -> dict[str, JSON] | None:
    state = None if root is None else _commit_and_changes(root)
    return None if state is None else {"commit": state[0], "dirty": bool(state[1])}


@cache
def _commit_and_changes(root: Path) -> tuple[str, str] | None:
    """Commit of a checkout and its changed files; None where git cannot say."""
    try:
        return (
            _answer(root, "rev-parse", "--verify", "HEAD"),
            _answer(root, "status", "--porcelain", "--untracked-files=no"),
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None


def _answer(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        # Not taking git's optional locks: a run must not disturb somebody's commit.
        ["git", "--no-optional-locks", "-C", str(root), *arguments],
        capture_output=True,
        check=True,
        text=True,
        timeout=5,
    )
    return done.stdout.strip()
