"""MMVP: pairs of similar photographs, one question for both, two different answers.

https://arxiv.org/abs/2401.06209. Public in two layouts: `Questions.csv` beside a folder
`MMVP Images` with `1.jpg` to `300.jpg`, and a JSON list with the same content. A spreadsheet may
have turned the commas into semicolons or tabs, and people write options as (A) too.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field

from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.images import image_folder
from eagle_mllm.datasets.names import file_id
from eagle_mllm.datasets.problems import Place
from eagle_mllm.datasets.reading import Reading, Row, reader
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import DataError

DISPUTED = frozenset({"99", "100", "279", "280"})
"""Questions whose published answers others have corrected in different ways; ours are as read."""

IMAGE_FOLDERS = ("MMVP Images", "MMVP/MMVP Images", "images")
COLUMNS = frozenset({"Question", "Options", "Correct Answer"})
"""What the CSV layout names in its first line, beside the number."""

_FILES = ("Questions.csv", "questions.json")
_LETTER = re.compile(r"\(([A-Za-z])\)\s*")


def separator(header: str) -> str | None:
    """What separates the columns of a first line; None if it is not MMVP's.

    >>> separator("Index;Question;Options;Correct Answer")
    ';'
    """
    for mark in ",;\t":
        if set(next(csv.reader([header], delimiter=mark), [])) >= COLUMNS:
            return mark
    return None


def _apart(options: Any) -> Any:
    """Options as a list, where they are one text "(a) Open (b) Closed"."""
    if isinstance(options, str) and _LETTER.match(options):
        return [option.strip() for option in _LETTER.split(options)[2::2]]
    return options


def _without_letters(options: list[str]) -> list[str]:
    return [_LETTER.sub("", option, count=1) for option in options]


class _CsvRow(Row):
    # The published file spells its first column with a small L.
    index: int = Field(gt=0, validation_alias=AliasChoices("Index", "lndex"))
    question: str = Field(min_length=1, alias="Question")
    options: str = Field(min_length=1, alias="Options")
    answer: str = Field(pattern=r"^\([A-Za-z]\)$", alias="Correct Answer")


class JsonRow(Row):
    """A question of the JSON layout, which the reference's lists share."""

    question_id: int | str
    image_filename: str = Field(min_length=1)
    question: str = Field(min_length=1)
    options: Annotated[
        list[str],
        Field(min_length=2),
        BeforeValidator(_apart),
        AfterValidator(_without_letters),
    ]
    answer: str = Field(pattern=r"^([A-Za-z]|\([A-Za-z]\))$")

    @property
    def letter(self) -> str:
        """The right option as its list prints it: "(a)"."""
        return f"({self.answer.strip('()').lower()})"


@dataclass(frozen=True, kw_only=True)
class _Question:
    id: str
    image: str
    text: str
    options: str
    answer: str


@reader
def read(
    path: Path | str, *, images: Path | str | None = None, prompt: str = prompts.CHOICE
) -> DataSet:
    """The questions of MMVP.

    Args:
        path: `Questions.csv`, the JSON list, or a folder that holds one of them
        images: the folder of photographs; by default the one beside the questions
        prompt: what the model is asked; `{question}` and `{options}` are replaced, the latter by
            "(a) Open (b) Closed" and the like

    Raises:
        DataError: there are no questions
        SettingError: the prompt has no `{question}`
    """
    prompts.require_question(prompt)
    reading = Reading(_questions_file(Path(path).expanduser()))
    folder = image_folder(images, near=reading.path.parent, usual=IMAGE_FOLDERS)
    is_csv = reading.path.suffix.lower() == ".csv"
    count = 0
    for place, question in _from_csv(reading) if is_csv else _from_json(reading):
        count += 1
        with reading.one_row(place):
            if image := folder.find(question.image):
                note_dispute(reading, question.id, place)
                asked = prompts.filled(prompt, question=question.text, options=question.options)
                sample = Sample(
                    id=file_id(question.id),
                    task="vqa",
                    image=image,
                    prompt=asked,
                    truth=question.answer,
                )
                reading.add(sample, at=place)
    return reading.finish("mmvp", images=folder, counts={"questions": count})


def note_dispute(reading: Reading, question_id: str, place: Place) -> None:
    """Say so where the published answer is in doubt; it is used unchanged."""
    if question_id in DISPUTED:
        what = f"the published answer of question {question_id} is disputed"
        reading.note("disputed label", place, what, "it is used unchanged; report it with care")


def lettered(options: Sequence[str]) -> str:
    """Options as MMVP prints them.

    >>> lettered(["Open", "Closed"])
    '(a) Open (b) Closed'
    """
    return " ".join(f"({chr(ord('a') + at)}) {option}" for at, option in enumerate(options))


def _questions_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = [path / name for name in _FILES if (path / name).is_file()]
    if not found:
        raise DataError(f"{path}: expected {' or '.join(_FILES)} in it; give the file itself")
    return found[0]


def _from_csv(reading: Reading) -> Iterator[tuple[Place, _Question]]:
    text = reading.text()
    mark = separator(next(iter(text.splitlines()), "")) or ","
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=mark)
    try:
        for value in table:
            place = Place(file=str(reading.path), line=table.line_num)
            row = reading.row(_CsvRow, value, at=place)
            if row is not None:
                yield (
                    place,
                    _Question(
                        id=str(row.index),
                        image=f"{row.index}.jpg",
                        text=row.question,
                        options=row.options,
                        answer=row.answer,
                    ),
                )
    except csv.Error as error:
        raise DataError(f"{reading.path}:{table.line_num}: is not CSV ({error})") from error


def _from_json(reading: Reading) -> Iterator[tuple[Place, _Question]]:
    for place, value in reading.array(reading.json()):
        row = reading.row(JsonRow, value, at=place)
        if row is not None:
            yield (
                place,
                _Question(
                    id=str(row.question_id),
                    image=row.image_filename,
                    text=row.question,
                    options=lettered(row.options),
                    answer=row.letter,
                ),
            )
