"""The searches that are compared, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from eagle_mllm.attribution.search.base import SearchStrategy
from eagle_mllm.attribution.search.registry import make_search

EXACT = "exact greedy"
"""The label that every other search is a share of."""

DEFAULT = "multilevel, 800"
"""The label of the search that runs where none is asked for."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search, its name in tables, and what it may cost."""

    label: str
    name: str
    """In the registry of searches."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    passes: int
    """Budget: images that it may score for 64 regions."""
    rare: bool = False
    """Whether it is measured on few scenes."""

    @property
    def search(self) -> SearchStrategy:
        """The strategy itself."""
        return make_search(self.name, self.settings)


_BUDGETS = (250, 350, 500, 800, 1100, 1400)

PLANS = (
    Plan(label=EXACT, name="greedy", passes=4156),
    Plan(
        label="greedy, 16 picks",
        name="greedy",
        settings={"max_regions": 16},
        passes=1902,
        rare=True,
    ),
    Plan(label="windowed", name="windowed", passes=1414, rare=True),
    *(
        Plan(
            label=f"multilevel, {budget}",
            name="multilevel",
            settings={"budget": budget},
            passes=budget,
        )
        for budget in _BUDGETS
    ),
)
"""Exact greedy first; every search of the registry occurs at least once."""


def computed(asked: Mapping[str, int], batch: int) -> int:
    """Images that are computed for a search in batches of one size, padding and all.

    Args:
        asked: how many subsets it asked for at a time → how often; see `batches.json`
        batch: images per pass
    """
    return sum(ceil(int(size) / batch) * batch * times for size, times in asked.items())
