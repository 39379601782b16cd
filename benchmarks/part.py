"""What a part of the benchmark is, and what a user may choose of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import eagle_mllm as eagle
from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.loading import DEMO_TITLES
from eagle_mllm.models.huggingface import HuggingFaceModel

Key = dict[str, Any]
"""What tells a row from the other rows of its part."""

Measurement = tuple[Key, dict[str, Any], ModelInfo]
"""The key of a row, its values, and the model they were measured on."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The choices of one call of `bench.py`."""

    models: tuple[str, ...] = tuple(DEMO_TITLES)
    """Demo models."""

    shapes: tuple[str, ...] = ()
    """Shapes of real models, for the part `gpu`; all if none is given."""

    first: int = 0
    """Seed of the first held-out scene."""

    last: int = 60
    """Seed after the last one."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the demo models."""

    threads: int = 2
    """Threads of torch."""

    quick: bool = False
    """A smoke run: few regions, few rounds, narrow models."""

    estimate: bool = False
    """Whether the reference's loop may be timed on a share of its passes."""

    @property
    def seeds(self) -> range:
        """Seeds of the held-out scenes."""
        return range(self.first, self.last)

    def conditions(self, model: str) -> Key:
        """What time and memory depend on: the beginning of the keys of those parts."""
        return {"model": model, "dtype": self.dtype, "threads": self.threads}

    def settings(self) -> Mapping[str, Any]:
        """For the record of a run, beside the model's own settings and the keys of its rows."""
        return {"threads": self.threads, "quick": self.quick}

    def model(
        self, name: str, *, pixels: Literal["auto", "component", "processor"] = "auto"
    ) -> HuggingFaceModel:
        """A demo model on the CPU."""
        return _loaded(name, self.dtype, pixels)


@cache
def _loaded(name: str, dtype: str, pixels: Any) -> HuggingFaceModel:
    model = eagle.load_model(f"demo/{name}", device="cpu", dtype=dtype, pixels=pixels)
    assert isinstance(model, HuggingFaceModel)
    return model


@dataclass(frozen=True, kw_only=True)
class Part:
    """One result file: which rows it has and how they are measured."""

    name: str
    """Of the file, without its ending."""

    keys: Callable[[Options], Iterable[Key]]
    """The key of every row, in the order of measurement; all with the same names."""

    measure: Callable[[Options, Iterator[Key]], Iterator[Measurement]]
    """Takes the keys that are missing, one when it is ready for it, and yields a row for each.

    A key for which there is nothing to measure gets no row.
    """
