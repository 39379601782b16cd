"""What a search is: regions and numbers in, an order out. It never sees an image."""

from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions


class Ranking(NamedTuple):
    """An order of all regions, and how much of it was searched."""

    order: Int[np.ndarray, " regions"]
    """Every region index once, the most decisive first."""

    searched: int
    """How many leading regions were picked by the search; the rest is ranked by its last scan."""


class SearchStrategy(ABC):
    """Seeks the order π that makes Σ_r F(π_:r) large (Eq. 1).

    A strategy is a frozen dataclass; its fields are its settings and end up in the provenance.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name for files and tables, as in "greedy"."""

    @abstractmethod
    def rank(self, regions: Regions, evaluate: Evaluate, objective: Objective) -> Ranking:
        """An order of all regions.

        Args:
            regions: the partition: how many regions there are, and which ones are neighbours.
            evaluate: scores of subsets; equal subsets may be asked again at no cost.
            objective: F, from the scores of S and of V∖S.
        """

    @abstractmethod
    def planned_passes(self, n_regions: int) -> int:
        """Images scored in one explanation: by the search, then by the trace of its order.

        An estimate for progress bars where the search decides as it goes.

        Args:
            n_regions: how many regions there are.
        """

    def thrifty(self) -> "SearchStrategy":
        """The search for one of several targets, which may cost less; by default itself."""
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Name and settings, for the provenance of a result."""
        settings: dict[str, Any] = {"name": self.name}
        if is_dataclass(self):
            settings |= {field.name: getattr(self, field.name) for field in fields(self)}
        return settings
