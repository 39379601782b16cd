"""Which data set's annotations a file holds, told by its content and never by its name."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from eagle_mllm.datasets import coco, mmvp, pope, reference
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.reading import Reading

DataKind = Literal["COCO captions", "COCO objects", "MMVP", "POPE", "reference list"]

READERS: dict[DataKind, Callable[..., DataSet]] = {
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
        DataError: The file cannot be read, or is broken.
    """
    reading = Reading(file)
    if file.suffix.lower() == ".csv":
        header = next(csv.reader(reading.text().splitlines()[:1]), [])
        return "MMVP" if {"Question", "Options", "Correct Answer"} <= set(header) else None
    if any({"image", "text", "label"} <= row.keys() for row in _lines(reading)):
        return "POPE"
    if file.suffix.lower() == ".jsonl":
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
    is_objects = {"bbox", "segmentation"} <= keys and "keypoints" not in keys
    return "COCO objects" if is_objects else None


def _of_list(document: Any) -> DataKind | None:
    keys = _keys(document) if isinstance(document, list) else set()
    if {"generate_sentence", "generated_ids"} <= keys:
        return "reference list"
    return "MMVP" if {"question", "options", "answer"} <= keys else None


def _keys(rows: list[Any]) -> set[str]:
    return {key for row in rows[:_PEEKED] if isinstance(row, Mapping) for key in row}
