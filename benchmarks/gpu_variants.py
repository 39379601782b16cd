"""What a pass costs with and without each thing that makes it faster on an accelerator.

All are measured at the usual batch, so each is beside its opposite of the same run.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from eagle_mllm.models.families.aligned_mlp import AlignedMLP
from eagle_mllm.models.huggingface import HuggingFaceModel

BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Our scorer with one thing changed."""

    shapes: tuple[str, ...]
    """What the names of the shapes begin with for which it is measured."""

    changed: Callable[[HuggingFaceModel], AbstractContextManager[Any]] = lambda _: nullcontext()
    """Within which the scorer is made and called."""

    compile: bool = False
    """Whether torch compiles the model."""


def _own_mlp(_: HuggingFaceModel) -> AbstractContextManager[Any]:
    return patch.object(AlignedMLP, "pays_for", staticmethod(lambda _: False))


def _every_tile(model: HuggingFaceModel) -> AbstractContextManager[Any]:
    return patch.object(type(model.family), "vision_encoder", lambda *_: None)


VARIANTS: Mapping[str, Variant] = {
    "ours, own MLP": Variant(shapes=("qwen",), changed=_own_mlp),
    "ours, aligned MLP": Variant(shapes=("qwen",)),
    "ours, every tile": Variant(shapes=("internvl",), changed=_every_tile),
    "ours, kept tiles": Variant(shapes=("internvl",)),
    "ours, compiled": Variant(shapes=("qwen2.5-vl-7b", "llava"), compile=True),
}
"""Side of a row → what is changed. Aligned and kept are what runs where nothing is changed."""


def variants_of(shape: str, *, quick: bool) -> tuple[str, ...]:
    """The sides that are measured for a shape; none that compiles in a smoke run.

    Args:
        shape: its name
        quick: whether it is a smoke run
    """
    return tuple(
        side
        for side, variant in VARIANTS.items()
        if shape.startswith(variant.shapes) and not (quick and variant.compile)
    )
