"""Which data set's annotations a file holds, told by its content and never by its name."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from eagle_mllm.borders import border
from eagle_mllm.datasets import amber, coco, mmvp, pope, reference
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.reading import Reading
from eagle_mllm.errors import DataError

DataKind = Literal["AMBER", "COCO captions", "COCO objects", "MMVP", "POPE", "reference list"]

READERS: dict[DataKind, Callable[..., DataSet]] = {
    "AMBER": amber.read,
    "COCO captions": coco.read_captions,
    "COCO objects": coco.read_objects,
    "MMVP": mmvp.read,
    "POPE": pope.read,
    "reference list": reference.read,
}

ENDINGS = (".csv", ".json", ".jsonl")
"""Endings of annotation files."""

# Enough rows to recognise a file whose first ones are broken.
_PEEKED = 20


def recognise(file: Path) -> DataKind | None:
    """The kind of data set that a file belongs to; None if to no known one.

    Raises:
        DataError: the file cannot be read, or is broken
    """
    reading = Reading(file)
    with border(DataError, f"cannot read {file}", advice="fetch or export it again"):
        return _kind(reading)


def _kind(reading: Reading) -> DataKind | None:
    ending = reading.path.suffix.lower()
    if ending == ".csv":
        header = next(iter(reading.text().splitlines()), "")
        return None if mmvp.separator(header) is None else "MMVP"
    if any(_is_existence(row) for row in _lines(reading)):
        return "POPE"
    if ending == ".jsonl":
        return None
    document = reading.json()
    return _of_object(document) if isinstance(document, Mapping) else _of_list(document)


def _lines(reading: Reading) -> Iterator[Mapping[str, Any]]:
    for line in islice(reading.text().splitlines(), _PEEKED):
        try:
            value = json.loads(line)
        except (RecursionError, ValueError):
            continue
        if isinstance(value, Mapping):
            yield value


def _of_object(document: Mapping[str, Any]) -> DataKind | None:
    annotations = document.get("annotations")
    if not isinstance(document.get("images"), list) or not isinstance(annotations, list):
        return None
    keys = _keys(annotations)
    if "caption" in keys:
        return "COCO captions"
    # Keypoints have boxes and polygons too, of persons alone.
    is_objects = {"bbox", "category_id"} <= keys and "keypoints" not in keys
    return "COCO objects" if is_objects else None


def _of_list(document: Any) -> DataKind | None:
    keys = _keys(document) if isinstance(document, list) else set()
    if isinstance(document, list) and any(map(_is_existence, document[:_PEEKED])):
        return "POPE"
    if {"generate_sentence", "generated_ids"} <= keys:
        return "reference list"
    if {"id", "image", "query"} <= keys:
        return "AMBER"
    return "MMVP" if {"question", "options", "answer"} <= keys else None


def _is_existence(row: Any) -> bool:
    # Lists without labels are POPE's too: what is wrong with them is for its reader to say.
    return isinstance(row, Mapping) and (
        {"image", "text", "label"} <= row.keys() or {"image", "text", "question_id"} <= row.keys()
    )


def _keys(rows: list[Any]) -> set[str]:
    return {key for row in rows[:_PEEKED] if isinstance(row, Mapping) for key in row}
