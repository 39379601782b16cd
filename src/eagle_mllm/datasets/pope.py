"""POPE and RePOPE: is this thing in the image?

https://arxiv.org/abs/2305.10355 and https://arxiv.org/abs/2504.15707. JSON Lines, also where the
file is named `.json`, or one JSON list. The question ids of different editions do not agree, start
from 0 or 1 and have gaps, so a sample is named by image and text.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.existence import YesOrNo, existence_sample
from eagle_mllm.datasets.images import image_folder
from eagle_mllm.datasets.reading import Reading, Row, reader
from eagle_mllm.errors import DataError

IMAGE_FOLDERS = (
    "val2014",
    "coco2014/val2014",
    "coco/val2014",
    "val2017",
    "coco/val2017",
    "images",
)


class _Question(Row):
    image: str = Field(min_length=1)
    text: str = Field(min_length=1)
    label: YesOrNo


@reader
def read(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.EXISTENCE
) -> DataSet:
    """The questions of a POPE or RePOPE list.

    Args:
        path: a list such as `coco_repope_random.json`
        images: the folder of photographs, COCO val2014 or, since it has some of them, val2017;
            by default one beside the list
        prompt: what the model is asked; `{question}` is replaced. By default the paper's words;
            POPE itself asks "{question}" alone

    Raises:
        DataError: the list cannot be read, or has no labels at all
        SettingError: the prompt has no `{question}`
    """
    prompts.require_question(prompt)
    reading = Reading(Path(path).expanduser())
    folder = image_folder(images, near=reading.path.parent, usual=IMAGE_FOLDERS)
    counts = {"yes": 0, "no": 0}
    rows = list(reading.rows())
    _require_labels(reading, [value for _, value in rows])
    for place, value in rows:
        row = reading.row(_Question, value, at=place)
        if row is None:
            continue
        counts[row.label] += 1
        with reading.one_row(place):
            if image := folder.find(row.image):
                sample = existence_sample(
                    image, row.text, name=row.image, truth=row.label, prompt=prompt
                )
                reading.add(sample, at=place)
    return reading.finish(reading.path.stem, images=folder, counts=counts)


def _require_labels(reading: Reading, rows: Iterable[Any]) -> None:
    questions = [row for row in rows if isinstance(row, Mapping) and "text" in row]
    if questions and not any("label" in row for row in questions):
        raise DataError(
            f"{reading.path}: none of its {len(questions)} questions has a label; without the "
            "right answers nothing can be judged, so give the list that has them"
        )
