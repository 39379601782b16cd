"""COCO in its own layout: `captions_*.json` and `instances_*.json` in `annotations/`, `val2017/`.

Format: https://cocodataset.org/#format-data. The layouts that CVAT (`images/`) and Roboflow
(`_annotations.coco.json` among the images) export are read as well.
"""

from collections import Counter
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from eagle_mllm.attribution.rle import Rle, dropped_pieces
from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.images import FileImage, ImageFolder, image_folder, image_places
from eagle_mllm.datasets.names import file_id, object_names
from eagle_mllm.datasets.problems import Place
from eagle_mllm.datasets.reading import Reading, Row, reader
from eagle_mllm.datasets.sample import ObjectTruth, Sample
from eagle_mllm.datasets.sizes import fits
from eagle_mllm.errors import DataError

_ROBOFLOW = "_annotations.coco.json"
_PEEKED = 20


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
    segmentation: Any = None
    """Missing or empty where people drew boxes only."""
    iscrowd: bool = False


@reader
def read_captions(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.CAPTION
) -> DataSet:
    """Every photograph that people have captioned, to be captioned by a model.

    Args:
        path: COCO's folder, or a `captions_*.json`
        images: the folder of photographs; by default the one that the annotations are named after
        prompt: what the model is asked; by default the paper's words

    Raises:
        DataError: there are no such annotations
    """
    reading = Reading(_annotations(Path(path).expanduser(), "captions"))
    document = reading.json()
    folder = _photographs(reading, document, images)
    photographs = _photograph_rows(reading, document)
    captions: Counter[int] = Counter()
    for place, value in reading.array(document, "annotations"):
        row = reading.row(_Caption, value, at=place)
        if row is not None and _known(reading, row.image_id, photographs, place):
            captions[row.image_id] += 1
    for place, photograph in photographs.values():
        if not captions[photograph.id]:
            continue
        with reading.one_row(place):
            if image := folder.find(photograph.file_name):
                name = file_id(Path(photograph.file_name).stem)
                sample = Sample(id=name, task="caption", image=image, prompt=prompt)
                reading.add(sample, at=place)
    counts = {"photos": len(photographs), "captions": captions.total()}
    return reading.finish("coco-caption", images=folder, counts=counts)


@reader
def read_objects(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.CAPTION
) -> DataSet:
    """Every object that is the only one of its category in a photograph, and no crowd.

    Only then does a category's word in a caption mean this object, so that one can ask whether
    an explanation points at it. An object with a box and no outline is one as well. A photograph
    of another size than annotated, or one that EXIF turns against its annotations, is left out.

    Args:
        path: COCO's folder, an `instances_*.json`, or Roboflow's `_annotations.coco.json`
        images: the folder of photographs; by default the one that the annotations are named after
            or that they are in
        prompt: what the model is asked; by default the paper's words

    Raises:
        DataError: there are no such annotations
    """
    reading = Reading(_annotations(Path(path).expanduser(), "instances"))
    document = reading.json()
    folder = _photographs(reading, document, images)
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
        with reading.one_row(place):
            truth = _truth(reading, row, photograph, place)
            size = (photograph.height, photograph.width)
            image = folder.find(photograph.file_name)
            if image is not None and fits(reading, image, size=size, at=place):
                reading.add(_object(image, categories[row.category_id], truth, prompt), at=place)
    counts = {"photos": len(photographs), "boxes": rows, "categories": len(categories)}
    return reading.finish("coco-object", images=folder, counts=counts)


def _annotations(path: Path, kind: str) -> Path:
    if not path.is_dir():
        return path
    names = [f"{kind}_*.json", f"annotations/{kind}_*.json"]
    if kind == "instances":
        names += [_ROBOFLOW, f"*/{_ROBOFLOW}"]
    found = sorted({file for name in names for file in path.glob(name)})
    if len(found) != 1:
        listed = ", ".join(str(file.relative_to(path)) for file in found) or "none"
        raise DataError(f"{path}: expected one {kind}_*.json, found {listed}; give the file itself")
    return found[0]


def _photographs(reading: Reading, document: Any, images: Path | str | None) -> ImageFolder:
    near = reading.path.parent
    if images is None and _are_beside(near, document):
        return ImageFolder(near)
    split = reading.path.stem.partition("_")[2]
    usual = (split, f"images/{split}", "images") if split else ("images",)
    return image_folder(images, near=near, usual=usual)


def _are_beside(folder: Path, document: Any) -> bool:
    """Whether one of the first photographs is in the folder of the annotations itself."""
    rows = document.get("images") if isinstance(document, dict) else None
    for row in islice(rows if isinstance(rows, list) else (), _PEEKED):
        name = row.get("file_name") if isinstance(row, dict) else None
        with suppress(DataError, OSError):
            if isinstance(name, str) and any(
                place.is_file() for place in image_places(folder, name)
            ):
                return True
    return False


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


def _truth(reading: Reading, row: _Instance, photograph: _Image, place: Place) -> ObjectTruth:
    left, top, width, height = row.bbox
    size = (photograph.height, photograph.width)
    truth = ObjectTruth(
        box=(left, top, left + width, top + height),
        segmentation=Rle.from_coco(row.segmentation, size=size) if row.segmentation else None,
        size=size,
    )
    note_dropped(reading, row.segmentation, size=size, at=place)
    return truth


def note_dropped(
    reading: Reading, segmentation: object, *, size: tuple[int, int], at: Place
) -> None:
    """Say which pieces of an outline are left out; the others are used."""
    for fault in dropped_pieces(segmentation, size=size):
        reading.note("dropped piece", at, fault, "the rest of the outline is used")


def _object(image: FileImage, category: str, truth: ObjectTruth, prompt: str) -> Sample:
    return Sample(
        id=file_id(image.path.stem, category),
        task="object",
        image=image,
        prompt=prompt,
        names=object_names(category),
        object=truth,
    )
