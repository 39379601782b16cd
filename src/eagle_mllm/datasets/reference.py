"""The paper's own sample lists: what its models answered, and what was explained of it.

JSON lists from the repository of the reference code, one per model and task. They record whole
sequences of token ids with the image placeholders of one version of a processor: records, never
inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.rle import Rle
from eagle_mllm.attribution.words.breaks import word_spans
from eagle_mllm.attribution.words.finding import occurrences
from eagle_mllm.attribution.words.spans import common_prefix
from eagle_mllm.datasets import mmvp, pope
from eagle_mllm.datasets.coco import note_dropped
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.images import FileImage, image_folder
from eagle_mllm.datasets.names import object_names
from eagle_mllm.datasets.problems import Place
from eagle_mllm.datasets.reading import Reading, reader
from eagle_mllm.datasets.reference_rows import (
    CaptionRow,
    ExistenceRow,
    ObjectRow,
    RecordedRow,
    VqaRow,
)
from eagle_mllm.datasets.sample import ObjectTruth, Sample, Task
from eagle_mllm.datasets.sizes import fits
from eagle_mllm.errors import DataError

_ROWS: dict[Task, type[RecordedRow]] = {
    "caption": CaptionRow,
    "object": ObjectRow,
    "vqa": VqaRow,
    "existence": ExistenceRow,
}
_CAPTION_FOLDERS = ("val2017", "coco/val2017", "coco2017/val2017", "images")
_IMAGE_FOLDERS: dict[Task, tuple[str, ...]] = {
    "caption": _CAPTION_FOLDERS,
    "object": _CAPTION_FOLDERS,
    "vqa": mmvp.IMAGE_FOLDERS,
    "existence": pope.IMAGE_FOLDERS,
}


@reader
def read(path: Path | str, *, images: Path | str | None = None) -> DataSet:
    """A reference list, of any of the four tasks, with their prompts and recorded answers.

    Args:
        path: a list such as `Qwen2.5-VL-3B-coco-caption.json`
        images: the folder of photographs; by default one beside the list

    Raises:
        DataError: the list cannot be read, or mixes tasks
    """
    reading = Reading(Path(path).expanduser())
    entries = list(reading.array(reading.json()))
    tasks = {_task(value) for _, value in entries} or {"caption"}
    if len(tasks) > 1:
        raise DataError(f"{path}: mixes {' and '.join(sorted(tasks))} rows; expected one task")
    (task,) = tasks
    folder = image_folder(images, near=reading.path.parent, usual=_IMAGE_FOLDERS[task])
    for place, value in entries:
        row = reading.row(_ROWS[task], value, at=place)
        if row is None:
            continue
        with reading.one_row(place):
            image = folder.find(row.image_file)
            sample = image and _sample(reading, row, image=image, task=task, at=place)
            if sample and image and isinstance(row, ObjectRow):
                sample = _with_object(reading, sample, image=image, row=row, at=place)
            if sample:
                reading.add(sample, at=place)
    return reading.finish(reading.path.stem, images=folder, counts={"rows": len(entries)})


def _task(value: Any) -> Task:
    row = value if isinstance(value, Mapping) else {}
    if "select_category" in row:
        return "object"
    if "options" in row:
        return "vqa"
    return "existence" if "image_name" in row else "caption"


def _sample(
    reading: Reading, row: RecordedRow, *, image: FileImage, task: Task, at: Place
) -> Sample:
    if isinstance(row, VqaRow):
        mmvp.note_dispute(reading, str(row.question_id), at)
    if not row.is_consistent:
        what = "generated_ids and the explained tokens contradict each other"
        reading.note("differing ids", at, what, "the answer is used as text, its ids are not")
    return Sample(
        id=row.sample_id,
        task=task,
        image=image,
        prompt=row.prompt,
        answer=row.generate_sentence,
        answer_ids=row.answer_ids if row.is_consistent else None,
        truth=row.truth,
    )


def _with_object(
    reading: Reading, sample: Sample, *, image: FileImage, row: ObjectRow, at: Place
) -> Sample | None:
    names = _names(row)
    if not names:
        what = f"the answer does not name its {row.select_category!r}"
        reading.note("unnamed object", at, what, "nothing to explain; remove it")
        return None
    # The lists do not say how large an image is, and polygons need to know.
    size = fits(reading, image, size=None, at=at)
    if size is None:
        return None
    segmentation = Rle.from_coco(row.segmentation, size=size)
    note_dropped(reading, row.segmentation, size=size, at=at)
    truth = ObjectTruth(box=row.location, segmentation=segmentation)
    return replace(sample, names=names, object=truth)


def _names(row: ObjectRow) -> tuple[str, ...]:
    """The category's names, and where the answer has none of them, its word that begins so.

    The reference took "snowboarder" for a snowboard.
    """
    answer, category = row.generate_sentence, row.select_category
    names = object_names(category)
    if any(occurrences(answer, name, whole_words=True) for name in names):
        return names
    words = (answer[span.start : span.stop] for span in word_spans(answer))
    begun = dict.fromkeys(word for word in words if word.lower().startswith(category.lower()))
    return (*names, *begun) if begun else ()


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Whether a model writes a recorded answer in the tokens that were recorded."""

    sample: str
    """The sample's id."""
    recorded: tuple[int, ...]
    encoded: tuple[int, ...]
    """Both without the end-of-sequence token."""

    @property
    def agrees(self) -> bool:
        """Whether every id is the same."""
        return self.recorded == self.encoded

    @property
    def position(self) -> int:
        """How many ids they share before they part; all of them if they agree."""
        return common_prefix(self.recorded, self.encoded)


def agreement(sample: Sample, generation: Generation) -> Agreement:
    """Compare the recorded ids of an answer with the ids of the same text today.

    Where they differ, the tokens that the reference explained are not the tokens explained here.

    Args:
        sample: a sample with recorded ids
        generation: `model.with_answer(image, prompt, sample.answer)`

    Raises:
        DataError: the sample records no ids
    """
    if sample.answer_ids is None:
        raise DataError(f"sample {sample.id} records no token ids; use a reference list")
    tokens = zip(generation.ids, generation.special, strict=True)
    encoded = tuple(token for token, special in tokens if not special)
    # The text is the same, so a last token beyond it writes nothing: it is the end of sequence.
    has_end = sample.answer_ids[:-1] == encoded
    recorded = encoded if has_end else sample.answer_ids
    return Agreement(sample=sample.id, recorded=recorded, encoded=encoded)
