"""`run.json`: what a run was started with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.borders import border, reason
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.files import SCHEMA_VERSION, Damaged, content
from eagle_mllm.runs.forms import AGAIN, Form, SampleId, filled, json_of

NAME = "run.json"


class DataForm(Form):
    """Which data set it is."""

    name: str
    fingerprint: str


class Description(Form):
    """What the file holds."""

    schema_version: int
    config: dict[str, Any]
    data: DataForm
    made_with: dict[str, Any]
    planned: list[SampleId] = Field(default_factory=list)
    """The plan where the first versions kept it; see `plans`."""


def read_description(folder: Path) -> Description:
    """What `run.json` says of a run.

    Raises:
        Damaged: there is none, or it is damaged
        ResultError: it cannot be read, or another version wrote it
    """
    path = folder / NAME
    data = content(path)
    with border(Damaged, f"{path} is damaged", advice=AGAIN):
        values = json_of(data)
        _require_version(path, values)
        return filled(Description, values)


def require_description(folder: Path, started: Mapping[str, JSON]) -> None:
    """Refuse a `run.json` that is damaged, or of another run than the one that is started.

    Args:
        folder: of the run
        started: `config` and `data` of this start

    Raises:
        Damaged: it is broken, or of other settings or data
        ResultError: it cannot be read, or another version wrote it
    """
    held = read_description(folder)
    try:
        identities = [
            RunConfig.model_validate(config).identity for config in (held.config, started["config"])
        ]
    except ValueError as error:
        raise Damaged(f"{folder / NAME} has unknown settings ({reason(error)}); {AGAIN}") from error
    if identities[0] != identities[1] or held.data.model_dump() != started["data"]:
        raise Damaged(f"{folder / NAME} is of another run; {AGAIN}")


def write_description(folder: Path, description: Mapping[str, JSON]) -> None:
    """Write `run.json`.

    Raises:
        ResultError: it cannot be written
    """
    values = {"schema_version": SCHEMA_VERSION, **description}
    text = json.dumps(values, indent=1, sort_keys=True, allow_nan=False)
    with atomic_write(folder / NAME) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def config_of(description: Description, folder: Path) -> RunConfig:
    """The settings of a run.

    Raises:
        ResultError: they are not those of this version
    """
    with border(
        ResultError,
        f"{folder / NAME} holds settings that this version does not know",
        advice="read it with the version that wrote it",
    ):
        return RunConfig.model_validate(description.config)


def _require_version(path: Path, values: object) -> None:
    if not isinstance(values, dict) or "schema_version" not in values:
        raise ValueError("it has no schema_version")
    if (version := values["schema_version"]) != SCHEMA_VERSION:
        raise ResultError(
            f"{path} has schema version {version!r:.40}, this eagle-mllm knows {SCHEMA_VERSION}; "
            "read it with the version that wrote it"
        )
