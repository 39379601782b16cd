"""Whether a configuration describes a model that can exist, before anything of it is built."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eagle_mllm.errors import ModelError

_MOST_LAYERS = 10_000
_MOST = 2**27
"""No width, vocabulary or context of any model comes near it."""

_LAYERS = re.compile(r"(.*_)?(n_)?(layers?|depth)")
_SIZES = re.compile(r".*(size|dim|heads|experts|channels|embeddings|patches|tiles)")
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt")

_BITS_OF_A_BYTE = 8
"""Parameters that one byte could hold: nobody has published less than a bit for each."""


def require_plausible(raw: dict[str, Any], *, name: str) -> None:
    """Refuse numbers that no model has, before any part of transformers counts up to them.

    Args:
        raw: the checkpoint's config.json, as written
        name: of the checkpoint

    Raises:
        ModelError: a number is absurd
    """
    for key, value in _numbers(raw):
        limit = _MOST_LAYERS if _LAYERS.fullmatch(key) else _MOST
        if value > limit:
            raise ModelError(
                f"the config.json of {name} is not plausible: {key} is {_short(value)}, more than "
                f"{limit:,}; fetch the checkpoint again from a source that you trust"
            )


def require_enough_weights(config: dict[str, Any], *, name: str, folder: Path) -> None:
    """Refuse a model that is far too large for its weight files, before it is built.

    What is missing from a config.json is what transformers takes for usual, and that may be a
    model of many gigabytes.

    Args:
        config: the checkpoint's transformers configuration, as a dictionary
        name: of the checkpoint
        folder: where its weights are

    Raises:
        ModelError: the weights cannot hold as many parameters
    """
    weights = _weight_bytes(folder)
    needed = _fewest_parameters(config)
    if weights and needed > weights * _BITS_OF_A_BYTE:
        raise ModelError(
            f"the config.json of {name} describes at least {needed:,} parameters, which do not fit "
            f"into its {weights:,} bytes of weights; fetch the checkpoint again"
        )


def _numbers(raw: Any) -> Iterator[tuple[str, int | float]]:
    """Sizes and counts, wherever they are."""
    for key, value in raw.items():
        if isinstance(value, dict):
            yield from _numbers(value)
        elif _LAYERS.fullmatch(key) or _SIZES.fullmatch(key):
            listed = value if isinstance(value, list) else [value]
            yield from ((key, one) for one in listed if type(one) in (int, float))


def _fewest_parameters(raw: Any) -> int:
    """What the layers of a configuration and its parts have at least: one square matrix each."""
    count = 0
    layers = [value for key, value in raw.items() if _LAYERS.fullmatch(str(key))]
    width = raw.get("hidden_size")
    if type(width) is int and width > 0:
        count += width**2 * max([value for value in layers if type(value) is int], default=0)
        vocabulary = raw.get("vocab_size")
        count += width * vocabulary if type(vocabulary) is int else 0
    return count + sum(_fewest_parameters(part) for part in raw.values() if isinstance(part, dict))


def _short(value: int | float) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:3]}... ({len(text)} digits)"


def _weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for kind in _WEIGHTS for file in folder.glob(kind))
