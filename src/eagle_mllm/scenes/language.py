"""True sentences and questions about a scene, and which of their words must be seen."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from eagle_mllm.scenes.world import (
    CO_OCCURRENCES,
    COLOURS,
    COLUMNS,
    ROWS,
    SHAPES,
    ObjectPlan,
    ScenePlan,
)

CAPTION_PROMPT = "Describe the image."
NUMBERS = ("zero", "one", "two", "three", "four")

WordKind = Literal["size", "colour", "shape", "relation", "function"]
QuestionKind = Literal["colour", "shape", "size", "count", "position", "existence"]
Negatives = Literal["random", "popular", "adversarial"]
VQA_KINDS: tuple[QuestionKind, ...] = ("colour", "shape", "size", "count", "position")


@dataclass(frozen=True, kw_only=True)
class CaptionWord:
    """One word of a caption and its evidence."""

    text: str
    start: int
    """Character offset of its first letter in the caption."""
    stop: int
    """Character offset after its last letter."""
    kind: WordKind
    objects: tuple[int, ...]
    """The objects that are its evidence: one for size, colour and shape; two for a relation."""

    @property
    def is_evidence(self) -> bool:
        """Whether one must look at the picture to know this word."""
        return self.kind != "function"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question about a scene with its true answer."""

    kind: QuestionKind
    text: str
    answer: str
    objects: tuple[int, ...] = ()
    """The objects that are its evidence; empty for an absent object."""
    negatives: Negatives | None = None
    """How the absent object of a "No" question was chosen, as in POPE (arXiv 2305.10355)."""


def caption(plan: ScenePlan) -> tuple[str, tuple[CaptionWord, ...]]:
    """The one true caption: objects in reading order, joined by the place of the next one."""
    pieces: list[tuple[str, WordKind, tuple[int, ...]]] = []
    for index, planned in enumerate(plan.objects):
        if index:
            same_row = plan.objects[index - 1].cell[0] == planned.cell[0]
            pair = (index - 1, index)
            pieces += (
                [("left", "relation", pair), ("of", "function", ())]
                if same_row
                else [("above", "relation", pair)]
            )
        pieces += [
            ("a" if index else "A", "function", ()),
            (planned.size, "size", (index,)),
            (planned.colour, "colour", (index,)),
            (planned.shape, "shape", (index,)),
        ]
    words, text = [], ""
    for piece, kind, objects in pieces:
        start = len(text) + bool(text)
        text = f"{text} {piece}".lstrip()
        words.append(
            CaptionWord(text=piece, start=start, stop=len(text), kind=kind, objects=objects)
        )
    return text + ".", tuple(words)


def vqa_questions(plan: ScenePlan) -> tuple[Question, ...]:
    """Every question about colours, shapes, sizes, places and their number that has one answer."""
    questions = [_count_question(plan)]
    for index, planned in enumerate(plan.objects):
        questions.append(_colour_question(planned, index))
        questions.append(_size_question(planned, index))
        questions.append(_position_question(planned, index))
        if sum(other.colour == planned.colour for other in plan.objects) == 1:
            questions.append(_shape_question(planned, index))
    return tuple(questions)


def existence_question(
    plan: ScenePlan, rng: np.random.Generator, *, truth: bool, negatives: Negatives = "random"
) -> Question:
    """An "Is there ..." question with the wanted truth, half of them with a colour.

    Absent objects are chosen as in POPE: at random; `popular`, a shape the training habits make
    frequent; `adversarial`, what usually comes with an object of the scene, or a shape and a
    colour that are both there but not together.
    """
    with_colour = bool(rng.random() < 0.5)
    if truth:
        index = int(rng.integers(len(plan.objects)))
        planned = plan.objects[index]
        colour = planned.colour if with_colour else None
        return _existence(planned.shape, colour, answer="Yes.", objects=(index,))
    shape, colour = _absent(plan, rng, negatives=negatives, with_colour=with_colour)
    return _existence(shape, colour, answer="No.", negatives=negatives)


def _absent(
    plan: ScenePlan, rng: np.random.Generator, *, negatives: Negatives, with_colour: bool
) -> tuple[str, str | None]:
    there = {planned.shape: planned.colour for planned in plan.objects}
    absent = [shape for shape in SHAPES if shape not in there]
    if negatives == "popular":
        absent = [habit.brings for habit in CO_OCCURRENCES if habit.brings in absent] or absent
    if negatives == "adversarial":
        if with_colour:
            shape = str(rng.choice(list(there)))
            others = [colour for colour in there.values() if colour != there[shape]]
            wrong = others or [colour for colour in COLOURS if colour != there[shape]]
            return shape, str(rng.choice(wrong))
        brought = [habit.brings for habit in CO_OCCURRENCES if habit.given in there]
        absent = [shape for shape in brought if shape in absent] or absent
    colour = str(rng.choice(list(COLOURS))) if with_colour else None
    return str(rng.choice(absent)), colour


def _existence(
    shape: str,
    colour: str | None,
    *,
    answer: str,
    objects: tuple[int, ...] = (),
    negatives: Negatives | None = None,
) -> Question:
    thing = f"{colour} {shape}" if colour else shape
    article = "an" if thing[0] in "aeiou" else "a"
    return Question(
        kind="existence",
        text=f"Is there {article} {thing} in the image?",
        answer=answer,
        objects=objects,
        negatives=negatives,
    )


def _count_question(plan: ScenePlan) -> Question:
    count = len(plan.objects)
    answer = f"There are {NUMBERS[count]} objects." if count > 1 else "There is one object."
    return Question(
        kind="count",
        text="How many objects are there?",
        answer=answer,
        objects=tuple(range(count)),
    )


def _colour_question(planned: ObjectPlan, index: int) -> Question:
    return Question(
        kind="colour",
        text=f"What color is the {planned.shape}?",
        answer=f"The {planned.shape} is {planned.colour}.",
        objects=(index,),
    )


def _shape_question(planned: ObjectPlan, index: int) -> Question:
    return Question(
        kind="shape",
        text=f"What shape is the {planned.colour} object?",
        answer=f"The {planned.colour} object is a {planned.shape}.",
        objects=(index,),
    )


def _size_question(planned: ObjectPlan, index: int) -> Question:
    return Question(
        kind="size",
        text=f"Is the {planned.shape} large or small?",
        answer=f"The {planned.shape} is {planned.size}.",
        objects=(index,),
    )


def _position_question(planned: ObjectPlan, index: int) -> Question:
    row, column = planned.cell
    return Question(
        kind="position",
        text=f"Where is the {planned.shape}?",
        answer=f"The {planned.shape} is at the {ROWS[row]} {COLUMNS[column]}.",
        objects=(index,),
    )
