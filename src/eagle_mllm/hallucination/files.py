"""Diagnoses on disk: the file of their attribution, with two more arrays.

`eagle_mllm.load` reads such a file too, as the attribution of the right answer.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from eagle_mllm.attribution.files import io
from eagle_mllm.attribution.files.archive import Malformed
from eagle_mllm.attribution.files.header import value, values
from eagle_mllm.attribution.image_files import MAX_PIXELS
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.borders import border
from eagle_mllm.errors import EagleError, ResultError
from eagle_mllm.hallucination.answers import Answer
from eagle_mllm.hallucination.diagnosis import Correction, Diagnosis, Outcome

_HEADER, _HIDDEN = "diagnosis", "hidden"


def save_diagnosis(diagnosis: Diagnosis, path: str | os.PathLike[str]) -> None:
    """Write the diagnosis of a wrong answer to one `.npz` file.

    Args:
        diagnosis: what to keep
        path: where; its folder must exist. A file of that name is replaced

    Raises:
        ResultError: the answer was right, so that there is nothing to keep; or as in `save`
    """
    if diagnosis.attribution is None:
        raise ResultError("the answer was right: there is no explanation of an error to save")
    header = json.dumps(_header(diagnosis), allow_nan=False).encode("ascii")
    arrays = {_HEADER: np.frombuffer(header, dtype=np.uint8)}
    if diagnosis.correction is not None:
        arrays[_HIDDEN] = diagnosis.correction.mask.astype(np.uint8)
    io.save(diagnosis.attribution, path, more=arrays)


def load_diagnosis(
    path: str | os.PathLike[str], *, max_pixels: int | None = MAX_PIXELS
) -> Diagnosis:
    """Read a diagnosis that `save_diagnosis` wrote: `load` after `save` is the identity.

    Args:
        path: the `.npz` file
        max_pixels: the most memory to use, as in `eagle_mllm.load`

    Raises:
        ResultError: there is no such file, or it is damaged or holds no diagnosis
    """
    attribution, more = io.load_with(path, (_HEADER, _HIDDEN), max_pixels=max_pixels)
    advice = "expected a file written by save_diagnosis"
    with border(ResultError, f"cannot read {path}", advice=advice):
        try:
            return _diagnosis(attribution, more)
        except EagleError as error:
            raise Malformed(str(error)) from error


def _header(diagnosis: Diagnosis) -> dict[str, Any]:
    correction = diagnosis.correction
    return {
        "truth": diagnosis.truth,
        "outcome": diagnosis.outcome,
        "right": _answer(diagnosis.right),
        "given": _answer(diagnosis.given),
        "correction": None
        if correction is None
        else {
            "area": correction.area,
            "regions": list(correction.regions),
            "regions_area": correction.regions_area,
            "answer": correction.answer,
        },
        "paper_removed_area": diagnosis.paper_removed_area,
        "pruned_removed_area": diagnosis.pruned_removed_area,
        "direct_passes": diagnosis.direct_passes,
        "passes": diagnosis.passes,
        "seconds": diagnosis.seconds,
    }


def _answer(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {"text": answer.text, "ids": list(answer.ids), "spellings": list(answer.spellings)}


def _diagnosis(attribution: Attribution, more: Mapping[str, np.ndarray]) -> Diagnosis:
    if _HEADER not in more or more[_HEADER].dtype != np.uint8:
        raise Malformed("it holds no diagnosis; read an explanation with eagle_mllm.load")
    header = json.loads(more[_HEADER].tobytes())
    if not isinstance(header, dict):
        raise Malformed("its diagnosis is not a JSON object")
    outcome = value(header, "outcome", str)
    if outcome not in get_args(Outcome):
        raise Malformed(f"its outcome is {outcome!r:.40}")
    found = value(header, "correction", dict, type(None))
    return Diagnosis(
        generation=attribution.generation,
        truth=value(header, "truth", str),
        outcome=outcome,
        right=_read_answer(value(header, "right", dict)),
        given=_read_answer(value(header, "given", dict)),
        attribution=attribution,
        correction=None if found is None else _read_correction(found, attribution, more),
        paper_removed_area=value(header, "paper_removed_area", float, int),
        pruned_removed_area=value(header, "pruned_removed_area", float, int),
        direct_passes=value(header, "direct_passes", int),
        passes=value(header, "passes", int),
        seconds=value(header, "seconds", float, int),
    )


def _read_answer(part: Mapping[str, Any]) -> Answer:
    return Answer(
        text=value(part, "text", str),
        ids=values(part, "ids", int),
        spellings=values(part, "spellings", str),
    )


def _read_correction(
    part: Mapping[str, Any], attribution: Attribution, more: Mapping[str, np.ndarray]
) -> Correction:
    shape = attribution.regions.shape
    if _HIDDEN not in more or more[_HIDDEN].shape != shape:
        raise Malformed(f"what is hidden is not a mask of the image's shape {shape}")
    return Correction(
        mask=more[_HIDDEN].astype(bool),
        area=value(part, "area", float, int),
        regions=values(part, "regions", int),
        regions_area=value(part, "regions_area", float, int),
        answer=value(part, "answer", str),
    )
