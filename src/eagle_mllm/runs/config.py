"""What a run is: read from TOML, checked whole, every default spelled out."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.borders import border, file_bytes, reason
from eagle_mllm.errors import SettingError, did_you_mean
from eagle_mllm.printable import printable
from eagle_mllm.runs.methods import METHODS, AnyMethod, EagleSection, MethodSection, Section
from eagle_mllm.runs.plain import require_plain
from eagle_mllm.runs.sections import (
    SERVING,
    DataSection,
    ModelSection,
    RegionsSection,
    SampleSection,
)

_VARIABLE = re.compile(r"\$\{(\w+)\}")

_MOST_BYTES = 1 << 20


class RunConfig(Section):
    """Everything that decides the records of a run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+\-]*$")]
    """What the run's folder is called: letters, digits, `.`, `_`, `-`, `+`."""

    data: DataSection
    model: ModelSection
    method: AnyMethod = EagleSection()
    regions: RegionsSection = RegionsSection()
    run: SampleSection = SampleSection()
    paths: dict[str, str] = Field(default_factory=dict)
    """Values of `${NAME}` in the other tables; they win over the environment."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, values: object) -> object:
        require_plain(values)
        return values

    @property
    def identity(self) -> dict[str, JSON]:
        """The part on which a record depends.

        Neither the selection of samples nor the place of files or servers belongs to it: another
        selection shares the folder, a data set is known by its fingerprint, and a served model by
        its engine.
        """
        places = {"server", *SERVING}
        identity = self.model_dump(
            mode="json",
            exclude={"name": True, "paths": True, "model": places, "run": {"limit", "offset"}},
        )
        _drop_usual(identity["model"], {"template": {}, "system": None})
        _drop_usual(identity["run"], {"target": "answer", "match": None})
        if isinstance(self.method, EagleSection):
            _drop_usual(identity["method"], {"sensitive": None})
            _drop_usual(identity["method"]["objective"], {"scale": "probability"})
        return identity

    def resolved(self, environment: Mapping[str, str] = os.environ) -> "RunConfig":
        """The same with every `${NAME}` replaced.

        Args:
            environment: values of names that `[paths]` has not

        Raises:
            SettingError: a name has no value, or one that the setting cannot have
        """
        values = {**environment, **self.paths}
        document = self.model_dump(mode="json")
        expanded = {
            key: part if key == "paths" else _expanded(part, values, key)
            for key, part in document.items()
        }
        return _validated(expanded, source=f"run {self.name!r}")


def _drop_usual(section: dict[str, JSON], usual: Mapping[str, JSON]) -> None:
    """Leave out settings that came later: a run without them is the run that it was before."""
    for key, value in usual.items():
        if section[key] == value:
            del section[key]


def load_config(path: Path, *, settings: Mapping[str, Any] | None = None) -> RunConfig:
    """Read a run from a TOML file.

    Args:
        path: the file
        settings: values that replace those of the file, by dotted name, as in
            `{"regions.count": 32}`

    Raises:
        SettingError: the file cannot be read, or something in it is unknown or out of range
    """
    try:
        text = file_bytes(path, limit=_MOST_BYTES)
    except OSError as error:
        raise SettingError(f"cannot read {path}: {reason(error)}; give a TOML file") from error
    with border(SettingError, f"{path} is not a TOML file", advice="see docs/runs.md"):
        document = tomllib.loads(text.decode("utf-8"))
    for name, value in (settings or {}).items():
        _put(document, name, value)
    return _validated(document, source=str(path))


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` of a command line; the value is TOML, or else plain text.

    >>> parse_setting("regions.count=32"), parse_setting("model.id=demo/llava")
    (('regions.count', 32), ('model.id', 'demo/llava'))

    Raises:
        SettingError: there is no `=`, no name before it, or a value that no setting can have
    """
    name, equals, value = text.partition("=")
    if not equals or not all(part.strip() for part in name.split(".")):
        raise SettingError(
            f"{text!r:.80} is not a setting; write key=value, as in regions.count=32"
        )
    with border(SettingError, f"cannot set {name.strip()!r:.80}", advice="give a plain value"):
        return name.strip(), _value(value)


def _value(text: str) -> Any:
    try:
        values = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    # Lines after the first would be settings of their own, and be lost.
    return values["value"] if len(values) == 1 else text


def _validated(document: Mapping[str, Any], *, source: str) -> RunConfig:
    with border(SettingError, f"{source} is not a run", advice="see docs/runs.md"):
        try:
            return RunConfig.model_validate(document)
        except ValidationError as error:
            raise SettingError(printable(f"{source}: {_first_problem(error)}")) from error


def _put(document: dict[str, Any], name: str, value: object) -> None:
    *tables, key = name.split(".")
    for table in tables:
        document = document.setdefault(table, {})
        if not isinstance(document, dict):
            raise SettingError(
                f"cannot set {printable(name):.80}: {table!r:.80} is a value, not a table"
            )
    document[key] = value


def _expanded(part: Any, values: Mapping[str, str], where: str) -> Any:
    if isinstance(part, dict):
        return {key: _expanded(item, values, f"{where}.{key}") for key, item in part.items()}
    if isinstance(part, list):
        return [_expanded(item, values, where) for item in part]
    if not isinstance(part, str):
        return part

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise SettingError(
                f"{where} needs ${{{match[1]}}}, which has no value; "
                f"export {match[1]}=..., or --set paths.{match[1]}=..."
            )
        return values[match[1]]

    return _VARIABLE.sub(value, part)


def _first_problem(error: ValidationError) -> str:
    """The first complaint of pydantic as one line that says what to do."""
    first = error.errors()[0]
    # A place inside a union ends in the name of its branch, which is not that of a setting.
    place = ".".join(part for part in map(str, first["loc"]) if part.isidentifier())
    if first["type"] == "extra_forbidden":
        return _unknown(first["loc"])
    if first["type"] == "missing":
        return f"{place} is missing; add it"
    if isinstance(cause := first.get("ctx", {}).get("error"), SettingError):
        return f"{place}: {cause}" if place else str(cause)
    return f"{place} is {first['input']!r:.80}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _unknown(place: tuple[int | str, ...]) -> str:
    *tables, key = map(str, place)
    known = _fields_of([RunConfig])
    for table in tables:
        kind = known[table].annotation
        known = _fields_of([*METHODS.values()] if kind is MethodSection else [kind])
    return f"unknown setting {'.'.join(map(str, place))!r}; {did_you_mean(key, known)}"


def _fields_of(sections: Iterable[Any]) -> dict[str, FieldInfo]:
    return {name: field for section in sections for name, field in section.model_fields.items()}
