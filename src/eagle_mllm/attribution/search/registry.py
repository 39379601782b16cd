"""Searches by name, for command lines and configuration files."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from eagle_mllm.attribution.search.base import SearchStrategy
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.search.windowed import WindowedGreedySearch
from eagle_mllm.errors import SettingError, did_you_mean

SEARCHES: dict[str, type[SearchStrategy]] = {
    "multilevel": MultilevelSearch,
    "greedy": GreedySearch,
    "windowed": WindowedGreedySearch,
}
"""Name → strategy; each one's fields are its settings."""


def make_search(name: str, settings: Mapping[str, Any] | None = None) -> SearchStrategy:
    """The strategy of a name with some of its settings changed.

    >>> make_search("greedy", {"max_regions": 16})
    GreedySearch(max_regions=16, budget=None)

    Args:
        name: a key of `SEARCHES`
        settings: values of its fields; those not named keep their defaults

    Raises:
        SettingError: there is no such search, it has no such setting, or a value is out of range
    """
    if name not in SEARCHES:
        raise SettingError(f"unknown search {name!r}; {did_you_mean(name, SEARCHES)}")
    strategy = SEARCHES[name]
    known = [field.name for field in fields(strategy)]  # type: ignore[arg-type]
    for setting in settings or {}:
        if setting not in known:
            raise SettingError(
                f"search {name!r} has no setting {setting!r}; {did_you_mean(setting, known)}"
            )
    return strategy(**dict(settings or {}))
