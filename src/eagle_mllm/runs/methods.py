"""Methods by name, with the settings that a configuration file gives them."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.method import AttributionMethod, Eagle
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.provenance import as_json
from eagle_mllm.attribution.search.registry import make_search
from eagle_mllm.errors import SettingError, did_you_mean


class Section(BaseModel):
    """A table of the file: frozen, nothing unknown, no text where a number belongs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class ObjectiveSection(Section):
    """`objective`: the weights of Eq. 4."""

    insight: float = 1.0
    """λ1, the weight of sufficiency, ≥ 0."""

    necessity: float = 1.0
    """λ2, the weight of indispensability, ≥ 0."""


class MethodSection(Section):
    """`[method]`: how targets are explained."""

    name: str = Eagle().name
    """A key of `METHODS`."""

    search: dict[str, Any] = Field(default_factory=lambda: Eagle().search.settings)
    """How the order is sought: a name, and settings of that search."""

    objective: ObjectiveSection = ObjectiveSection()
    """What is sought."""

    fill: FillName = Eagle().fill
    """What hidden pixels become."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in METHODS:
            raise SettingError(f"there is no method {name!r}; {did_you_mean(name, METHODS)}")
        return name

    @field_validator("search")
    @classmethod
    def _complete(cls, search: dict[str, Any]) -> dict[str, Any]:
        """The search with every default spelled out."""
        settings = dict(search)
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise SettingError("a search needs a name, as in search = {name = 'greedy'}")
        try:
            complete = make_search(name, settings).settings
        except TypeError as error:
            raise SettingError(f"search {name!r} has a setting of a wrong kind: {error}") from error
        return {setting: as_json(value) for setting, value in complete.items()}

    @field_validator("objective")
    @classmethod
    def _possible(cls, objective: ObjectiveSection) -> ObjectiveSection:
        Objective(insight=objective.insight, necessity=objective.necessity)
        return objective


def make_method(section: MethodSection) -> AttributionMethod:
    """The method that a `[method]` table spells."""
    return METHODS[section.name](section)


def _eagle(section: MethodSection) -> AttributionMethod:
    settings = dict(section.search)
    return Eagle(
        search=make_search(settings.pop("name"), settings),
        objective=Objective(**section.objective.model_dump()),
        fill=section.fill,
    )


METHODS: dict[str, Callable[[MethodSection], AttributionMethod]] = {
    "eagle": _eagle,
}
"""Name → how a table becomes that method."""
