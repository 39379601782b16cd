"""What one sample leaves behind: a record, a failure, or the reason why it does not apply.

Each is a value and one JSON file. Equal values give equal bytes, and there is nothing in them of
the time, the machine or the worker, so that a run that was resumed equals one that was not.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """A sample that was explained.

    Raises:
        ResultError: a measure is infinite.
    """

    outcome: ClassVar[str] = "done"

    sample_id: str
    task: str
    """What was asked: "caption", "object", "vqa" or "existence"."""

    image_name: str
    image_size: tuple[int, int]
    """Height and width in pixels."""

    answer: str
    tokens: tuple[str, ...]
    """What each token adds to the answer; "" for special ones."""

    ids: tuple[int, ...]
    """Vocabulary ids of the answer."""

    target_text: str
    target_positions: tuple[int, ...]
    """Positions in the answer of the tokens that were explained."""

    target_ids: tuple[int, ...]
    """The vocabulary id explained at each position."""

    is_counterfactual: bool
    """Whether those are not the ids that the model wrote."""

    trace: Trace
    """What was found; in the file its fields stand among those of the record."""

    forward_passes: int
    """Images that were scored."""

    measures: Mapping[str, float]
    """Values by name; NaN where one is not defined for this sample."""

    def __post_init__(self) -> None:
        for name, value in self.measures.items():
            if math.isinf(value):
                raise ResultError(f"measure {name!r} is {value}; expected a number, or NaN")

    def __eq__(self, other: object) -> bool:
        # NaN, which a measure may be, is not equal to itself; null is.
        return isinstance(other, Record) and encode(self) == encode(other)


@dataclass(frozen=True, kw_only=True)
class NotApplicable:
    """A sample that has nothing to explain, such as a question answered rightly."""

    outcome: ClassVar[str] = "not applicable"

    sample_id: str
    task: str
    answer: str
    """What the model said."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A sample that could not be explained."""

    outcome: ClassVar[str] = "failed"

    sample_id: str
    task: str
    error: str
    """Type of the error, as in "ImageError"."""

    reason: str
    """Its message, on one line."""


Outcome = Record | NotApplicable | Failure
"""How a sample ended."""

_KINDS: dict[str, type[Outcome]] = {kind.outcome: kind for kind in (Record, NotApplicable, Failure)}

_ARRAYS: dict[str, type[np.generic]] = {
    "order": np.int64,
    "insertion": np.float32,
    "deletion": np.float32,
    "area": np.float64,
    "insertion_predicted": np.int64,
    "deletion_predicted": np.int64,
}


def record_of(
    sample_id: str,
    attribution: Attribution,
    *,
    task: str,
    image_name: str,
    measures: Mapping[str, float],
) -> Record:
    """The record of an explanation.

    Args:
        sample_id: which sample was explained.
        attribution: the explanation.
        task: what was asked of the sample.
        image_name: where its image comes from.
        measures: values by name, NaN where not defined.

    Raises:
        ResultError: a measure is infinite.
    """
    generation, target = attribution.generation, attribution.target
    height, width = generation.image.shape[:2]
    return Record(
        sample_id=sample_id,
        task=task,
        image_name=image_name,
        image_size=(height, width),
        answer=generation.text,
        tokens=generation.tokens,
        ids=generation.ids,
        target_text=target.text,
        target_positions=target.positions,
        target_ids=target.ids,
        is_counterfactual=target.is_counterfactual,
        trace=attribution.trace,
        forward_passes=attribution.forward_passes,
        measures={name: float(value) for name, value in measures.items()},
    )


def encode(outcome: Outcome) -> bytes:
    """An outcome as JSON: sorted keys, the shortest digits that read back, null for NaN."""
    values = _fields_of(outcome)
    if isinstance(outcome, Record):
        values |= _fields_of(values.pop("trace"))
    plain = {name: _plain(value) for name, value in values.items()}
    text = json.dumps(
        {"outcome": outcome.outcome, **plain},
        allow_nan=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return text.encode() + b"\n"


def decode(data: bytes) -> Outcome:
    """The outcome that `encode` wrote.

    Raises:
        ResultError: the data are something else, or damaged.
    """
    try:
        values = json.loads(data)
        kind = _KINDS[values["outcome"]]
        if kind is Record:
            values["trace"] = Trace(**_read(values, Trace))
        return kind(**_read(values, kind))
    except (LookupError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ResultError(f"it holds no outcome of a sample ({reason})") from error


def _fields_of(value: Outcome | Trace) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _read(values: Mapping[str, Any], kind: type[Outcome | Trace]) -> dict[str, Any]:
    return {field.name: _value(field.name, values[field.name]) for field in fields(kind)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _shortest(value) if value.dtype == np.float32 else value.tolist()
    if isinstance(value, Mapping):
        return {key: None if math.isnan(item) else item for key, item in value.items()}
    return value


def _shortest(array: Float[np.ndarray, "..."]) -> list[Any]:
    """Nested lists of the shortest decimals that give the same float32 again."""
    if array.ndim > 1:
        return [_shortest(row) for row in array]
    return [float(str(value)) for value in array]


def _value(name: str, value: Any) -> Any:
    if name in _ARRAYS:
        return np.array(value, dtype=_ARRAYS[name])
    if name == "measures":
        return {key: math.nan if item is None else float(item) for key, item in value.items()}
    return tuple(value) if isinstance(value, list) else value
