"""POPE and RePOPE: is this thing in the image?

https://arxiv.org/abs/2305.10355 and https://arxiv.org/abs/2504.15707. JSON Lines, also where the
file is named `.json`. The question ids of different editions do not agree, start from 0 or 1 and
have gaps, so a sample is named by image and text.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.images import image_folder
from eagle_mllm.datasets.names import file_id
from eagle_mllm.datasets.reading import Reading, Row
from eagle_mllm.datasets.sample import Sample

IMAGE_FOLDERS = ("val2014", "coco2014/val2014", "coco/val2014", "val2017", "coco/val2017")

TRUTHS = {"yes": "Yes", "no": "No"}
"""Their labels → what a right answer begins with."""


class _Question(Row):
    image: str = Field(min_length=1)
    text: str = Field(min_length=1)
    label: Literal["yes", "no"]


def read(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.EXISTENCE
) -> DataSet:
    """The questions of a POPE or RePOPE list.

    Args:
        path: A list such as `coco_repope_random.json`.
        images: The folder of photographs, COCO val2014 or, since it has some of them, val2017;
            by default one beside the list.
        prompt: What the model is asked; `{question}` is replaced. By default the paper's words;
            POPE itself asks "{question}" alone.

    Raises:
        DataError: The list cannot be read.
        SettingError: The prompt has no `{question}`.
    """
    prompts.require_question(prompt)
    reading = Reading(Path(path).expanduser())
    folder = image_folder(images, near=reading.path.parent, usual=IMAGE_FOLDERS)
    counts = {"yes": 0, "no": 0}
    for place, value in reading.lines():
        row = reading.row(_Question, value, at=place)
        if row is None:
            continue
        counts[row.label] += 1
        image = folder.find(row.image)
        if image is not None:
            sample = Sample(
                id=file_id(Path(row.image).stem, row.text),
                task="existence",
                image=image,
                prompt=prompts.filled(prompt, question=row.text),
                truth=TRUTHS[row.label],
            )
            reading.add(sample, at=place)
    return reading.finish(reading.path.stem, images=folder, counts=counts)
