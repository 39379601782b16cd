"""The rows of the reference's lists, one class a task.

Caption, VQA and existence lists nest `generated_ids` in a list of one, object lists do not.
"""

from abc import abstractmethod
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from eagle_mllm.datasets import mmvp, prompts
from eagle_mllm.datasets.existence import TRUTHS
from eagle_mllm.datasets.names import file_id
from eagle_mllm.datasets.reading import Row


class RecordedRow(Row):
    """An answer with the token ids of prompt and answer."""

    generate_sentence: str = Field(min_length=1)
    generated_ids: list[int]

    @field_validator("generated_ids", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        nested = isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)
        return value[0] if nested else value

    @property
    @abstractmethod
    def image_file(self) -> str:
        """The image's file name."""

    @property
    @abstractmethod
    def answer_ids(self) -> tuple[int, ...]:
        """The ids of the answer alone."""

    @property
    @abstractmethod
    def explained(self) -> tuple[tuple[int, int], ...]:
        """Position in the answer and id of each token that the reference explained."""

    @property
    def prompt(self) -> str:
        """What the model was asked."""
        return prompts.CAPTION

    @property
    def sample_id(self) -> str:
        """What to call the sample on disk: the image's name, as the reference calls its results."""
        return file_id(Path(self.image_file).stem)

    @property
    def truth(self) -> str | None:
        """The right answer."""
        return None

    @property
    def is_consistent(self) -> bool:
        """Whether the row's ways to say the same ids agree."""
        ids = self.answer_ids
        return tuple(self.generated_ids[-len(ids) :]) == ids and all(
            0 <= position < len(ids) and ids[position] == token
            for position, token in self.explained
        )


class _SentenceRow(RecordedRow):
    words: list[str] = Field(min_length=1)
    selected_interpretation_token_id: list[int]
    selected_interpretation_token_word_id: list[int]

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """As many ids from the end as there are words: their words are tokens."""
        return tuple(self.generated_ids[-len(self.words) :])

    @property
    def explained(self) -> tuple[tuple[int, int], ...]:
        """All tokens, or of a "Yes" or "No" the first; -1 where a list is too short."""
        positions = self.selected_interpretation_token_id
        tokens = self.selected_interpretation_token_word_id
        return tuple(zip_longest(positions, tokens, fillvalue=-1))


class CaptionRow(_SentenceRow):
    """A caption."""

    image_path: str = Field(min_length=1)

    @property
    def image_file(self) -> str:
        """The image's file name."""
        return self.image_path


class ObjectRow(RecordedRow):
    """A caption, one word of which names an object."""

    image_path: str = Field(min_length=1)
    output_word_id: list[int] = Field(min_length=1)
    select_category: str = Field(min_length=1)
    location: tuple[float, float, float, float]
    """Left, top, right, bottom: not COCO's left, top, width, height."""
    segmentation: Any
    target_generated_index: int
    target_generated_id: int

    @property
    def image_file(self) -> str:
        """The image's file name."""
        return self.image_path

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """The ids of the answer alone."""
        return tuple(self.output_word_id)

    @property
    def explained(self) -> tuple[tuple[int, int], ...]:
        """The first token of the object's word."""
        return ((self.target_generated_index, self.target_generated_id),)

    @property
    def sample_id(self) -> str:
        """Image and category: an image may have several objects."""
        return file_id(Path(self.image_path).stem, self.select_category)


class VqaRow(_SentenceRow, mmvp.JsonRow):
    """An answer to a question of MMVP, asked without its options."""

    @property
    def image_file(self) -> str:
        """The image's file name."""
        return self.image_filename

    @property
    def sample_id(self) -> str:
        """The number of the question, as in MMVP."""
        return file_id(str(self.question_id))

    @property
    def prompt(self) -> str:
        """The question alone."""
        return self.question

    @property
    def truth(self) -> str:
        """The right option's letter."""
        return self.letter


class ExistenceRow(_SentenceRow):
    """A wrong "Yes" or "No" to a question of RePOPE."""

    image_name: str = Field(min_length=1)
    question: str = Field(min_length=1)
    label: Literal["yes", "no"]
    id: int | str

    @property
    def image_file(self) -> str:
        """The image's file name."""
        return self.image_name

    @property
    def prompt(self) -> str:
        """The question in the paper's words."""
        return prompts.filled(prompts.EXISTENCE, question=self.question)

    @property
    def sample_id(self) -> str:
        """Image and id: an image has several questions."""
        return f"{file_id(Path(self.image_name).stem)}_{file_id(str(self.id))}"

    @property
    def truth(self) -> str:
        """The right answer, which the model did not give."""
        return TRUTHS[self.label]
