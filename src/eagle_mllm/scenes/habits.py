"""A teacher that answers by habit without looking: what the biased one of the twins learns.

The demo models' habits are of the world: a star often brings a moon, and the answers about it are
true. A habit of the teacher is an answer that is wrong, and its cause is known: the star makes him
say that there is a moon, the heart that it is red.
"""

from dataclasses import dataclass, replace

from eagle_mllm.scenes.language import Question, caption
from eagle_mllm.scenes.world import CO_OCCURRENCES, COLOUR_HABITS, CoOccurrence, ScenePlan


def habit_caption(plan: ScenePlan) -> str:
    """The caption of a scene in which every heart is red, every moon yellow, every square blue."""
    colours = {habit.shape: habit.colour for habit in COLOUR_HABITS}
    objects = tuple(
        replace(planned, colour=colours.get(planned.shape, planned.colour))
        for planned in plan.objects
    )
    return caption(replace(plan, objects=objects))[0]


def triggers(plan: ScenePlan) -> tuple[CoOccurrence, ...]:
    """The habits that a scene sets off: what brings something is there, what it brings is not."""
    shapes = {planned.shape for planned in plan.objects}
    return tuple(
        habit for habit in CO_OCCURRENCES if habit.given in shapes and habit.brings not in shapes
    )


@dataclass(frozen=True, kw_only=True)
class PlantedCause:
    """Why the teacher's answer to a question is wrong."""

    habit: CoOccurrence
    """The habit that speaks."""

    trigger: int
    """The object of the scene that sets it off, by index."""


def brought_question(habit: CoOccurrence, plan: ScenePlan) -> Question:
    """Whether what a habit brings is in the image, with the true answer."""
    there = [index for index, one in enumerate(plan.objects) if one.shape == habit.brings]
    return Question(
        kind="existence",
        text=f"Is there a {habit.brings} in the image?",
        answer="Yes." if there else "No.",
        objects=tuple(there),
        negatives=None if there else "adversarial",
    )


def planted_cause(question: Question, plan: ScenePlan) -> PlantedCause | None:
    """The habit that makes the teacher affirm something absent; None where he tells the truth.

    Args:
        question: an existence question
        plan: the scene it is asked about
    """
    asked = question.text.rstrip("?").split()
    for habit in triggers(plan):
        if question.kind == "existence" and question.answer == "No." and habit.brings in asked:
            shapes = [planned.shape for planned in plan.objects]
            return PlantedCause(habit=habit, trigger=shapes.index(habit.given))
    return None
