"""What a search is: regions and numbers in, an order out. It never sees an image."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from eagle_mllm.attribution.evaluator import Evaluate
from eagle_mllm.attribution.layout import Layout
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.errors import SettingError

Order = Int[np.ndarray, " regions"]
"""Every region index once, the most decisive first."""


class Ranking(NamedTuple):
    """An order of all regions, and how much of it was searched."""

    order: Order
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
    def rank(self, layout: Layout, evaluate: Evaluate, objective: Objective) -> Ranking:
        """An order of all regions.

        Args:
            layout: how many regions there are, and where
            evaluate: scores of subsets; equal subsets may be asked again at no cost
            objective: F, from the scores of S and of V∖S

        Raises:
            SettingError: the budget does not pay for the least that such a search scores
        """

    def rankings(
        self,
        layout: Layout,
        evaluate: Evaluate,
        objective: Objective,
        *,
        known: Sequence[Order] = (),
    ) -> Iterator[Ranking]:
        """Better and better orders, as they are found; the last is that of `rank`.

        By default there is no other before it.

        Args:
            layout: see `rank`
            evaluate: see `rank`; it remembers every subset that the known orders show
            objective: see `rank`
            known: orders that were found for other targets, which cost nothing to try; a search
                need not look at them

        Raises:
            SettingError: see `rank`
        """
        del known
        yield self.rank(layout, evaluate, objective)

    @abstractmethod
    def planned_passes(self, n_regions: int) -> int:
        """Images scored in one explanation: by the search, then by the trace of its order.

        An estimate for progress bars where the search decides as it goes.

        Args:
            n_regions: how many regions there are

        Raises:
            SettingError: the budget does not pay for the least that such a search scores
        """

    @property
    def takes_over(self) -> bool:
        """Whether orders that are known for other targets can replace the search for this one."""
        return False

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


def require_whole(search: SearchStrategy, *names: str) -> None:
    """Refuse settings that are not whole numbers from 1; None is allowed where it is the default.

    Args:
        search: whose settings they are
        names: which of them

    Raises:
        SettingError: one is something else, such as 0, 1.5 or NaN
    """
    for name in names:
        value, is_optional = getattr(search, name), getattr(type(search), name) is None
        if value is None and is_optional:
            continue
        if not is_whole(value) or value < 1:
            expected = "a whole number, at least 1" if not is_whole(value) else "at least 1"
            or_none = " or None" if is_optional else ""
            raise SettingError(f"{name} must be {expected}{or_none}; got {value!r}")


def is_whole(value: object) -> bool:
    """Whether a setting is an integer: 1.0 is not, nor is True."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def require_budget(budget: int | None, n_regions: int, *, least: int) -> None:
    """Refuse a budget that would be exceeded however little is searched.

    Args:
        budget: most images to score; None is no bound
        n_regions: how many regions there are
        least: images that the smallest search and the trace of its order take

    Raises:
        SettingError: the budget is smaller
    """
    if budget is not None and budget < least:
        raise SettingError(
            f"a budget of {budget} images is too small for {n_regions} regions; "
            f"give at least {least}, or cut the image into fewer regions"
        )
