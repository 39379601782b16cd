"""What a user of the benchmark may choose."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import eagle_mllm as eagle
from eagle_mllm.models.huggingface import HuggingFaceModel
from eagle_mllm.scenes.training.architectures import FAMILIES


@dataclass(frozen=True, kw_only=True)
class Options:
    """The choices of one call of `bench.py`."""

    out: Path
    """The folder of the results."""

    families: tuple[str, ...] = FAMILIES
    """Demo models."""

    first: int = 0
    """Seed of the first held-out scene."""

    last: int = 60
    """Seed behind the last one."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the models."""

    threads: int = 2
    """Threads of torch."""

    quick: bool = False
    """A smoke run: few regions, few rounds."""

    estimate: bool = False
    """Whether the reference's loop may be timed on a share of its passes."""

    @property
    def seeds(self) -> range:
        """Seeds of the held-out scenes."""
        return range(self.first, self.last)

    def conditions(self, family: str) -> dict[str, Any]:
        """On what time and memory depend: the beginning of the keys of those parts."""
        return {"family": family, "dtype": self.dtype, "threads": self.threads}

    def settings(self) -> Mapping[str, Any]:
        """For the record of a run; which part of the work a process took is no setting."""
        return {"dtype": self.dtype, "threads": self.threads, "quick": self.quick}

    def model(
        self, family: str, *, pixels: Literal["auto", "component", "processor"] = "auto"
    ) -> HuggingFaceModel:
        """A demo model on the CPU."""
        model = eagle.load_model(f"demo/{family}", device="cpu", dtype=self.dtype, pixels=pixels)
        assert isinstance(model, HuggingFaceModel)
        return model
