"""What one sample leaves behind: a record, a failure, or the reason why it does not apply.

There is nothing in them of the time, the machine or the worker, so that a run that was resumed
equals one that was not. Each is one JSON file: equal values give equal bytes, and a changed byte
is noticed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.borders import border
from eagle_mllm.datasets.sample import Task
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.forms import (
    AGAIN,
    FailureForm,
    NotApplicableForm,
    OutcomeForm,
    RecordForm,
    filled,
    json_of,
)
from eagle_mllm.runs.seal import require_seal, sealed


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """A sample that was explained.

    Raises:
        ResultError: a measure is infinite, or the target does not fit the trace
    """

    outcome: ClassVar[str] = "done"

    sample_id: str
    task: Task
    """What was asked."""

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

    image_digest: str | None = None
    """Of the image's content, as `ImageSource.digest` gives it; None in files of old."""

    def __post_init__(self) -> None:
        for name, value in self.measures.items():
            if math.isinf(value):
                raise ResultError(f"measure {name!r} is {value}; expected a number, or NaN")
        n_tokens = len(self.target_positions), len(self.target_ids), self.trace.n_tokens
        if len(set(n_tokens)) > 1:
            raise ResultError(
                f"a target has as many positions as ids and columns in its trace; got {n_tokens}"
            )

    def __eq__(self, other: object) -> bool:
        # NaN, which a measure may be, is not equal to itself; null is.
        return isinstance(other, Record) and encode(self) == encode(other)


@dataclass(frozen=True, kw_only=True)
class NotApplicable:
    """A sample that has nothing to explain, such as a question answered rightly."""

    outcome: ClassVar[str] = "not applicable"

    sample_id: str
    task: Task
    answer: str
    """What the model said."""

    reason: str

    image_digest: str | None = None
    """As in `Record`."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A sample that could not be explained."""

    outcome: ClassVar[str] = "failed"

    sample_id: str
    task: Task
    error: str
    """Type of the error, as in "ImageError"."""

    reason: str
    """Its message, on one line."""


Outcome = Record | NotApplicable | Failure
"""How a sample ended."""

_FORMS: dict[str, tuple[type[Outcome], type[OutcomeForm]]] = {
    Record.outcome: (Record, RecordForm),
    NotApplicable.outcome: (NotApplicable, NotApplicableForm),
    Failure.outcome: (Failure, FailureForm),
}
"""The word in a file → what it says, and what such a file holds."""

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
    task: Task,
    image_name: str,
    image_digest: str | None = None,
    measures: Mapping[str, float],
) -> Record:
    """The record of an explanation.

    Args:
        sample_id: which sample was explained
        attribution: the explanation
        task: what was asked of the sample
        image_name: where its image comes from
        image_digest: of the image's content
        measures: values by name, NaN where not defined

    Raises:
        ResultError: a measure is infinite, or the target does not fit the trace
    """
    generation, target = attribution.generation, attribution.target
    height, width = generation.image.shape[:2]
    return Record(
        sample_id=sample_id,
        task=task,
        image_name=image_name,
        image_size=(height, width),
        image_digest=image_digest,
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
    return sealed({"outcome": outcome.outcome, **plain})


def decode(data: bytes) -> Outcome:
    """The outcome that `encode` wrote; files without a checksum, which came before it, as well.

    Raises:
        ResultError: the data are something else, damaged, or changed since they were written
    """
    with border(
        ResultError,
        "it does not hold the outcome of a sample",
        advice=AGAIN,
    ):
        values = json_of(data)
        kind, form = _kind_of(values)
        require_seal(data, values)
        return _outcome(kind, filled(form, values))


def _kind_of(values: Any) -> tuple[type[Outcome], type[OutcomeForm]]:
    word = values.get("outcome") if isinstance(values, dict) else None
    if not isinstance(word, str) or word not in _FORMS:
        raise ValueError(f"no 'outcome' among {', '.join(_FORMS)}")
    return _FORMS[word]


def _outcome(kind: type[Outcome], form: OutcomeForm) -> Outcome:
    values = {name: _value(name, value) for name, value in form}
    try:
        if kind is Record:
            values["trace"] = Trace(**{field.name: values[field.name] for field in fields(Trace)})
        return kind(**{field.name: values[field.name] for field in fields(kind)})
    except ResultError as error:  # of the value, which knows of no file
        raise ValueError(str(error)) from error


def _fields_of(value: Outcome | Trace) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _shortest(value) if value.dtype == np.float32 else value.tolist()
    if isinstance(value, Mapping):
        return {key: None if math.isnan(item) else item for key, item in value.items()}
    if isinstance(value, str):  # half a character, as in some file names, is not Unicode
        return value.encode("utf-8", "replace").decode()
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
