"""AMBER's questions of yes and no: https://arxiv.org/abs/2311.07397.

The questions (`query_discriminative*.json`) and the truths (`annotations.json`) are two JSON lists
that are joined by `id`. The questions that ask for a description have no single truth, and are
counted but not asked.
"""

from pathlib import Path

from pydantic import Field

from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.existence import YesOrNo, existence_sample
from eagle_mllm.datasets.images import image_folder
from eagle_mllm.datasets.reading import Reading, Row, reader
from eagle_mllm.errors import DataError

IMAGE_FOLDERS = ("image", "images", "AMBER")

ANNOTATIONS = "annotations.json"

_GENERATIVE = "generative"


class _Query(Row):
    id: int
    image: str = Field(min_length=1)
    query: str = Field(min_length=1)


class _Kind(Row):
    id: int
    type: str


class _Annotation(_Kind):
    truth: YesOrNo


@reader
def read(
    path: Path | str,
    *,
    annotations: Path | str | None = None,
    images: Path | str | None = None,
    prompt: str = prompts.EXISTENCE,
) -> DataSet:
    """The questions of AMBER that are answered by yes or no, with their truths.

    Args:
        path: a list of questions such as `query_discriminative-existence.json`
        annotations: the list of truths; by default `annotations.json` beside the questions or in
            the folder above
        images: the folder of photographs; by default one beside the list
        prompt: what the model is asked; `{question}` is replaced. By default the words that the
            paper asks of POPE; AMBER itself asks "{question}" alone

    Raises:
        DataError: a list cannot be read, or there are no truths
        SettingError: the prompt has no `{question}`
    """
    prompts.require_question(prompt)
    reading = Reading(Path(path).expanduser())
    beside = Reading(_annotation_file(reading.path, annotations))
    truths = _truths(reading, beside)
    folder = image_folder(images, near=reading.path.parent, usual=IMAGE_FOLDERS)
    counts = {"yes": 0, "no": 0, _GENERATIVE: 0}
    for place, value in reading.array(reading.json()):
        row = reading.row(_Query, value, at=place)
        if row is None:
            continue
        truth = truths.get(row.id)
        if truth is None:
            reading.note("malformed row", place, f"has no truth under its id, {row.id}")
            continue
        counts[truth] += 1
        if truth == _GENERATIVE:
            continue
        with reading.one_row(place):
            if image := folder.find(row.image):
                sample = existence_sample(
                    image, row.query, name=row.image, truth=truth, prompt=prompt
                )
                reading.add(sample, at=place)
    name = reading.path.stem
    return reading.finish(name, images=folder, counts=counts, beside=[beside.data])


def _truths(questions: Reading, annotations: Reading) -> dict[int, str]:
    """The truth of each id: yes, no, or that it is a description; what is wrong is noted."""
    found: dict[int, str] = {}
    for place, value in annotations.array(annotations.json()):
        kind = questions.row(_Kind, value, at=place)
        if kind is None:
            continue
        if kind.type == _GENERATIVE:
            found[kind.id] = _GENERATIVE
        elif row := questions.row(_Annotation, value, at=place):
            found[row.id] = row.truth
    if not found:
        raise DataError(
            f"{annotations.path}: holds no truths; expected AMBER's {ANNOTATIONS}, a list of "
            "{id, type, truth}"
        )
    return found


def _annotation_file(questions: Path, given: Path | str | None) -> Path:
    if given is not None:
        return Path(given).expanduser()
    near = [folder / ANNOTATIONS for folder in (questions.parent, questions.parent.parent)]
    for file in near:
        if file.is_file():
            return file
    raise DataError(
        f"{questions}: the truths of AMBER's questions are in another file, {ANNOTATIONS}, which "
        f"is neither beside it nor in the folder above; give it (annotations = …)"
    )
