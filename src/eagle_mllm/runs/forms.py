"""What the JSON files of a run may hold; checked whole before any of it is used."""

import json
import re
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from eagle_mllm.datasets.sample import Task

_F = TypeVar("_F", bound=BaseModel)

AGAIN = "run the same command again to make it anew"
"""What to do about a file of a run that is damaged."""

_SAFE = re.compile(r"[A-Za-z0-9._-]{1,250}")


def _safe(sample_id: str) -> str:
    if not is_safe_id(sample_id):
        raise ValueError("a sample's id names a file: letters, digits, . _ - only")
    return sample_id


def is_safe_id(sample_id: str) -> bool:
    """Whether a file can be named after a sample, inside the folder that is meant for it."""
    return bool(_SAFE.fullmatch(sample_id)) and bool(sample_id.strip("."))


SampleId = Annotated[str, AfterValidator(_safe)]
Probability = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Side = Annotated[int, Field(ge=1, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Row = Annotated[list[Probability], Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Form(BaseModel):
    """One kind of file: every field, nothing unknown, no text for a number, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class OutcomeForm(Form):
    """What the file of every outcome holds."""

    sample_id: SampleId
    task: Task
    checksum: Digest | None = None
    """Of the file itself; the first versions wrote none."""


class RecordForm(OutcomeForm):
    """`records/<sample>.json`."""

    outcome: Literal["done"]
    image_name: str
    image_size: Annotated[list[Side], Field(min_length=2, max_length=2)]
    image_digest: Digest | None = None
    answer: str
    tokens: list[str]
    ids: list[Number]
    target_text: str
    target_positions: list[Count]
    target_ids: list[Number]
    is_counterfactual: bool
    order: list[Count]
    insertion: list[Row]
    deletion: list[Row]
    area: list[Probability]
    insertion_predicted: list[list[Number]]
    deletion_predicted: list[list[Number]]
    searched: Count
    forward_passes: Count
    measures: dict[str, float | None]


class NotApplicableForm(OutcomeForm):
    """`not-applicable/<sample>.json`."""

    outcome: Literal["not applicable"]
    image_digest: Digest | None = None
    answer: str
    reason: str


class FailureForm(OutcomeForm):
    """`failures/<sample>.json`."""

    outcome: Literal["failed"]
    error: str
    reason: str


def json_of(data: bytes) -> Any:
    """The values of a JSON file in UTF-8, without the NaN and infinity that Python would let pass.

    Raises:
        ValueError: it is something else; RecursionError and MemoryError are possible too
    """
    return json.loads(data.decode("utf-8"), parse_constant=_refuse)


def filled(form: type[_F], values: object) -> _F:
    """A form filled in with the values of a file.

    Args:
        form: what the file should hold
        values: what it holds

    Raises:
        ValueError: the first thing that does not fit, on one line
    """
    try:
        return form.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"{place}: {first['msg']}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")
