"""Searches by name, for command lines and configuration files."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from eagle_mllm.attribution.search.base import SearchStrategy
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.search.windowed import WindowedGreedySearch
from eagle_mllm.errors import SettingError

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
        name: a key of `SEARCHES`.
        settings: values of its fields; those not named keep their defaults.

    Raises:
        SettingError: there is no such search, it has no such setting, or a value is out of range.
    """
    if name not in SEARCHES:
        raise SettingError(f"there is no search {name!r}; {_hint(name, SEARCHES)}")
    strategy = SEARCHES[name]
    known = [field.name for field in fields(strategy)]  # type: ignore[arg-type]
    for setting in settings or {}:
        if setting not in known:
            raise SettingError(
                f"search {name!r} has no setting {setting!r}; {_hint(setting, known)}"
            )
    return strategy(**dict(settings or {}))


def _hint(name: str, known: Any) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known)}"
