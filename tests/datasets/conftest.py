"""Tiny data sets, written by hand, as their sources lay them out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo() -> Callable[[Path], Path]:
    """Write a picture of 5 rows and 6 columns."""

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def write_json() -> Callable[[Path, Any], Path]:
    """Write a JSON document."""

    def write(path: Path, document: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


@pytest.fixture
def coco(tmp_path: Path, photo, write_json) -> Callable[..., Path]:
    """COCO's folder with two photographs of 5 x 6 pixels; lists may be replaced.

    Photograph 1 has a cat (a rectangle of 4 x 3 pixels) and two dogs, photograph 2 a wine glass.
    """
    rectangle = [[1, 1, 5, 1, 5, 4, 1, 4]]

    def instance(image: int, category: int, **other: Any) -> dict[str, Any]:
        row = {"image_id": image, "category_id": category, "iscrowd": 0}
        return {**row, "bbox": [1, 1, 4, 3], "segmentation": rectangle, **other}

    def write(**lists: Any) -> Path:
        photographs = [
            {"id": 1, "file_name": "000000000001.png", "height": 5, "width": 6},
            {"id": 2, "file_name": "000000000002.png", "height": 5, "width": 6},
        ]
        categories = [
            {"id": 17, "name": "cat"},
            {"id": 18, "name": "dog"},
            {"id": 46, "name": "wine glass"},
        ]
        captions = [
            {"image_id": 1, "caption": "A cat and two dogs."},
            {"image_id": 1, "caption": "Pets."},
            {"image_id": 2, "caption": "A glass of wine."},
        ]
        instances = [instance(1, 17), instance(1, 18), instance(1, 18), instance(2, 46)]
        common = {"images": lists.get("images", photographs)}
        write_json(
            tmp_path / "coco/annotations/captions_val2017.json",
            {**common, "annotations": lists.get("captions", captions)},
        )
        write_json(
            tmp_path / "coco/annotations/instances_val2017.json",
            {
                **common,
                "annotations": lists.get("instances", instances),
                "categories": lists.get("categories", categories),
            },
        )
        for photograph in photographs:
            photo(tmp_path / "coco/val2017" / photograph["file_name"])
        return tmp_path / "coco"

    write.instance = instance
    return write


@pytest.fixture
def told() -> Callable[[Any], list[tuple[str, str]]]:
    """The kind of each problem and where it is, without folders."""

    def tell(data: Any) -> list[tuple[str, str]]:
        return [
            (
                problem.kind,
                str(problem.place).replace(problem.place.file, Path(problem.place.file).name),
            )
            for problem in data.problems
        ]

    return tell
