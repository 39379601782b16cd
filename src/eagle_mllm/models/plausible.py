"""Whether a configuration describes a model that can exist, before anything of it is built."""

import re
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

from eagle_mllm.errors import ModelError

_LAYERS = r"(.*_)?(n_)?(layers?|depth)"
_MOST = {
    _LAYERS: 10_000,
    r".*(size|dim|heads|experts|channels|embeddings|patches|tiles)": 2**27,
}
"""What a number of a config.json is called → more than any model has."""

_MOST_OF_PIXELS = {
    r"height|width|(shortest_|longest_)?edge|size|.*_size|.*pinpoints": 2**14,
    r".*(patches|tiles|splits)": 1_000,
    r"min_pixels": 2**26,
    r"max_pixels": 2**28,
    r".*image.*(length|len|tokens)": 2**20,
}
"""The same for the settings of an image processor."""

_MERGED = {r"shortest_edge": 2**26, r"longest_edge": 2**28}
"""Where patches are merged, as in Qwen-VL, an "edge" is a number of pixels."""

_PATCHES = {r".*patches": 2**20}
"""Where the size of a patch is a setting, the number of patches is that of an image."""

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt")

_MOST_PER_BYTE = 4
"""Parameters that one byte of weights holds at most, where each has two bits."""


def require_plausible(raw: dict[str, Any], *, name: str) -> None:
    """Refuse numbers that no model has, before any part of transformers counts up to them.

    Args:
        raw: the checkpoint's config.json, as written
        name: of the checkpoint

    Raises:
        ModelError: a number is absurd
    """
    _require_at_most(_MOST, raw, what=f"the config.json of {name}")


def require_plausible_pixels(settings: dict[str, Any], *, name: str) -> None:
    """Refuse settings of an image processor that would blow any picture up beyond all memory.

    Args:
        settings: its preprocessor_config.json or processor_config.json, as written
        name: of the checkpoint

    Raises:
        ModelError: a size is absurd
    """
    keys = set(_names(settings))
    limits = _MOST_OF_PIXELS
    if keys & {"merge_size", "max_pixels"}:
        limits = _MERGED | limits
    if "patch_size" in keys:
        limits = _PATCHES | limits
    _require_at_most(limits, settings, what=f"the image processor of {name}")


def require_enough_weights(n_parameters: int, *, name: str, folder: Path) -> None:
    """Refuse a model that is far too large for its weight files.

    What is missing from a config.json is what transformers takes for usual, and that may be a
    model of many gigabytes; and what does not fit is allocated before it is refused.

    Args:
        n_parameters: of the model that the config.json describes
        name: of the checkpoint
        folder: where its weights are

    Raises:
        ModelError: the weights cannot hold as many parameters
    """
    n_bytes = sum(file.stat().st_size for kind in _WEIGHTS for file in folder.glob(kind))
    if n_bytes and n_parameters > n_bytes * _MOST_PER_BYTE:
        raise ModelError(
            f"the config.json of {name} describes {n_parameters:,} parameters or more, which do "
            f"not fit into its {n_bytes:,} bytes of weights; fetch the checkpoint again"
        )


def fewest_parameters(config: Any) -> int:
    """What the layers of a configuration and its parts have at least: one square matrix each.

    Args:
        config: the checkpoint's transformers configuration, as a dictionary, or a part of it
    """
    count = 0
    layers = [value for key, value in config.items() if re.fullmatch(_LAYERS, str(key))]
    width = config.get("hidden_size")
    if type(width) is int and width > 0:
        count += width**2 * max([value for value in layers if type(value) is int], default=0)
    parts = [part for part in config.values() if isinstance(part, dict)]
    return count + sum(map(fewest_parameters, parts))


def _require_at_most(limits: dict[str, int], tree: Any, *, what: str) -> None:
    for key, number in _numbers(tree):
        limit = next((most for name, most in limits.items() if re.fullmatch(name, key)), inf)
        if number > limit:
            raise ModelError(
                f"{what} is not plausible: {key} is {_short(number)}, more than {limit:,}; fetch "
                "the checkpoint again from a source that you trust"
            )


def _numbers(tree: Any, key: str = "") -> Iterator[tuple[str, int | float]]:
    """Every number of a JSON tree, with the name under which it or its list is written."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _numbers(value, str(name))
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value, key)
    elif type(tree) in (int, float):
        yield key, tree


def _names(tree: Any) -> Iterator[str]:
    """Every name of a JSON tree, also of what holds no number itself."""
    parts = tree.values() if isinstance(tree, dict) else tree
    if isinstance(tree, dict):
        yield from map(str, tree)
    if isinstance(tree, dict | list):
        for part in parts:
            yield from _names(part)


def _short(value: int | float) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:3]}... ({len(text)} digits)"
