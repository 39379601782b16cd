"""COCO in its own layout: `captions_*.json` and `instances_*.json` in `annotations/`, `val2017/`.

Format: https://cocodataset.org/#format-data.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import Field

from eagle_mllm.attribution.rle import Rle
from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.images import FileImage, ImageFolder, image_folder
from eagle_mllm.datasets.names import file_id, object_names
from eagle_mllm.datasets.problems import Place
from eagle_mllm.datasets.reading import Reading, Row
from eagle_mllm.datasets.sample import ObjectTruth, Sample
from eagle_mllm.errors import DataError


class _Image(Row):
    id: int
    file_name: str = Field(min_length=1)
    height: int = Field(gt=0)
    width: int = Field(gt=0)


class _Caption(Row):
    image_id: int
    caption: str = Field(min_length=1)


class _Category(Row):
    id: int
    name: str = Field(min_length=1)


class _Instance(Row):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: Any
    iscrowd: bool = False


def read_captions(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.CAPTION
) -> DataSet:
    """Every photograph that people have captioned, to be captioned by a model.

    Args:
        path: COCO's folder, or a `captions_*.json`.
        images: The folder of photographs; by default the one that the annotations are named after.
        prompt: What the model is asked; by default the paper's words.

    Raises:
        DataError: There are no such annotations.
    """
    reading = Reading(_annotations(Path(path).expanduser(), "captions"))
    document = reading.json()
    folder = _photographs(reading.path, images)
    photographs = _photograph_rows(reading, document)
    captions: Counter[int] = Counter()
    for place, value in reading.array(document, "annotations"):
        row = reading.row(_Caption, value, at=place)
        if row is not None and _known(reading, row.image_id, photographs, place):
            captions[row.image_id] += 1
    for place, photograph in photographs.values():
        image = folder.find(photograph.file_name) if captions[photograph.id] else None
        if image is not None:
            name = file_id(Path(photograph.file_name).stem)
            sample = Sample(id=name, task="caption", image=image, prompt=prompt)
            reading.add(sample, at=place)
    counts = {"photos": len(photographs), "captions": captions.total()}
    return reading.finish("coco-caption", images=folder, counts=counts)


def read_objects(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.CAPTION
) -> DataSet:
    """Every object that is the only one of its category in a photograph, and no crowd.

    Only then does a category's word in a caption mean this object, so that one can ask whether
    an explanation points at it.

    Args:
        path: COCO's folder, or an `instances_*.json`.
        images: The folder of photographs; by default the one that the annotations are named after.
        prompt: What the model is asked; by default the paper's words.

    Raises:
        DataError: There are no such annotations.
    """
    reading = Reading(_annotations(Path(path).expanduser(), "instances"))
    document = reading.json()
    folder = _photographs(reading.path, images)
    photographs = _photograph_rows(reading, document)
    categories = _category_names(reading, document)
    # A malformed row still says that there is one more.
    alike = Counter(_what_and_where(value) for _, value in reading.array(document, "annotations"))
    rows = 0
    for place, value in reading.array(document, "annotations"):
        row = reading.row(_Instance, value, at=place)
        if row is None or not _known(reading, row.image_id, photographs, place):
            continue
        if row.category_id not in categories:
            reading.note("unknown category", place, f"category {row.category_id} is not listed")
            continue
        rows += 1
        if row.iscrowd or alike[_what_and_where(value)] > 1:
            continue
        photograph = photographs[row.image_id][1]
        truth = _truth(reading, row, photograph, place)
        image = folder.find(photograph.file_name) if truth else None
        if truth is not None and image is not None:
            reading.add(_object(image, categories[row.category_id], truth, prompt), at=place)
    counts = {"photos": len(photographs), "boxes": rows, "categories": len(categories)}
    return reading.finish("coco-object", images=folder, counts=counts)


def _annotations(path: Path, kind: str) -> Path:
    if not path.is_dir():
        return path
    found = sorted([*path.glob(f"{kind}_*.json"), *path.glob(f"annotations/{kind}_*.json")])
    if len(found) != 1:
        listed = ", ".join(file.name for file in found) or "none"
        raise DataError(f"{path}: expected one {kind}_*.json, found {listed}; give the file itself")
    return found[0]


def _photographs(annotations: Path, images: Path | str | None) -> ImageFolder:
    split = annotations.stem.partition("_")[2]
    return image_folder(images, near=annotations.parent, usual=(split or "images", "images"))


def _photograph_rows(reading: Reading, document: Any) -> dict[int, tuple[Place, _Image]]:
    rows: dict[int, tuple[Place, _Image]] = {}
    for place, value in reading.array(document, "images"):
        row = reading.row(_Image, value, at=place)
        if row is not None and row.id in rows:
            reading.note("malformed row", place, f"repeats the image id {row.id}", "remove it")
        elif row is not None:
            rows[row.id] = (place, row)
    return rows


def _category_names(reading: Reading, document: Any) -> dict[int, str]:
    rows = (
        reading.row(_Category, value, at=place)
        for place, value in reading.array(document, "categories")
    )
    return {row.id: row.name for row in rows if row is not None}


def _known(
    reading: Reading, image_id: int, photographs: dict[int, tuple[Place, _Image]], place: Place
) -> bool:
    if image_id not in photographs:
        reading.note("malformed row", place, f"image_id {image_id} is not among the images")
    return image_id in photographs


def _what_and_where(value: Any) -> tuple[str, str]:
    row = value if isinstance(value, dict) else {}
    return str(row.get("image_id")), str(row.get("category_id"))


def _truth(
    reading: Reading, row: _Instance, photograph: _Image, place: Place
) -> ObjectTruth | None:
    left, top, width, height = row.bbox
    try:
        return ObjectTruth(
            box=(left, top, left + width, top + height),
            segmentation=Rle.from_coco(
                row.segmentation, size=(photograph.height, photograph.width)
            ),
        )
    except DataError as error:
        reading.note("malformed row", place, str(error))
        return None


def _object(image: FileImage, category: str, truth: ObjectTruth, prompt: str) -> Sample:
    return Sample(
        id=file_id(image.path.stem, category),
        task="object",
        image=image,
        prompt=prompt,
        names=object_names(category),
        object=truth,
    )
