"""Methods by name, with the settings that a configuration file gives them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SerializeAsAny,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.method import AttributionMethod, Eagle
from eagle_mllm.attribution.objective import Objective, Scale
from eagle_mllm.attribution.provenance import as_json
from eagle_mllm.attribution.search.registry import make_search
from eagle_mllm.attribution.sensitivity import require_threshold
from eagle_mllm.baselines.map_method import MapMethod, RankBy
from eagle_mllm.baselines.registry import BASELINES
from eagle_mllm.errors import SettingError, did_you_mean


class Section(BaseModel):
    """A table of the file: frozen, nothing unknown, no text where a number belongs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class ObjectiveSection(Section):
    """`objective`: the weights of Eq. 4, and how a probability counts."""

    insight: float = 1.0
    """λ1, the weight of sufficiency, ≥ 0."""

    necessity: float = 1.0
    """λ2, the weight of indispensability, ≥ 0."""

    scale: Scale = "probability"
    """What is averaged over tokens."""


class MethodSection(Section):
    """`[method]`: how targets are explained; each method has a section of its own."""

    name: str
    """A key of `METHODS`."""

    @abstractmethod
    def make(self) -> AttributionMethod:
        """The method that the table spells."""


class EagleSection(MethodSection):
    """EAGLE with its search, objective and fill."""

    name: Literal["eagle"] = "eagle"

    search: dict[str, Any] = Field(default_factory=lambda: Eagle().search.settings)
    """How the order is sought: a name, and settings of that search."""

    objective: ObjectiveSection = ObjectiveSection()
    """What is sought."""

    fill: FillName = Eagle().fill
    """What hidden pixels become."""

    sensitive: float | None = None
    """How sensitive the tokens are that are sought to rise; None for all tokens."""

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
        Objective(**objective.model_dump())
        return objective

    @field_validator("sensitive")
    @classmethod
    def _in_range(cls, sensitive: float | None) -> float | None:
        require_threshold(sensitive)
        return sensitive

    def make(self) -> Eagle:
        """See `MethodSection`."""
        settings = dict(self.search)
        return Eagle(
            search=make_search(settings.pop("name"), settings),
            objective=Objective(**self.objective.model_dump()),
            fill=self.fill,
            sensitive=self.sensitive,
        )


class BaselineSection(MethodSection):
    """A baseline; every field of its method is a key."""

    method: ClassVar[type[MapMethod]]

    ranking: RankBy = "regions"
    """What is ranked by its map."""

    @model_validator(mode="after")
    def _possible(self) -> "BaselineSection":
        self.make()
        return self

    @property
    def changed(self) -> dict[str, Any]:
        """The settings that are not the defaults."""
        usual = type(self)(name=self.name).model_dump()
        return {key: value for key, value in self.model_dump().items() if usual[key] != value}

    def make(self) -> MapMethod:
        """See `MethodSection`."""
        return self.method(**self.model_dump(exclude={"name"}))


def _section_of(name: str, method: type[MapMethod]) -> type[BaselineSection]:
    hints = get_type_hints(method)
    settings: dict[str, Any] = {"name": (Literal[name], name)}
    for field in fields(method):
        settings[field.name] = (hints[field.name], field.default)
    section = create_model(
        f"{method.__name__}Section",
        __base__=BaselineSection,
        **settings,
    )
    section.method = method
    return section


METHODS: dict[str, type[MethodSection]] = {
    "eagle": EagleSection,
    **{name: _section_of(name, method) for name, method in BASELINES.items()},
}
"""Name → the section that spells this method, in files and on the command line."""


def method_section(table: object) -> MethodSection:
    """The section of a `[method]` table, chosen by its `name`; EAGLE's where it has none.

    Args:
        table: a mapping, or a section

    Raises:
        SettingError: there is no such method
        pydantic.ValidationError: a setting is unknown or out of range
    """
    if isinstance(table, MethodSection):
        return table
    if not isinstance(table, Mapping):
        raise SettingError("write a table, as in [method] with name = 'eagle'")
    name = table.get("name", "eagle")
    if not isinstance(name, str) or name not in METHODS:
        raise SettingError(f"unknown method {name!r:.80}; {did_you_mean(str(name), METHODS)}")
    return METHODS[name].model_validate(table)


def method_of_table(table: Mapping[str, object]) -> AttributionMethod:
    """The method that a table of settings spells, as `[method]` of a file does.

    Raises:
        SettingError: a setting is unknown or out of range
    """
    try:
        return method_section(table).make()
    except ValidationError as error:
        raise SettingError(_first_reason(error)) from error


def _first_reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return str(first.get("ctx", {}).get("error", first["msg"]))


AnyMethod = Annotated[SerializeAsAny[MethodSection], PlainValidator(method_section)]
"""A field that holds whichever section its `name` selects."""
