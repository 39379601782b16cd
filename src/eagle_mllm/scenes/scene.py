"""A scene: picture, objects with boxes and masks, caption, questions; all from one seed."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool
from PIL import Image

from eagle_mllm.scenes.drawing import draw
from eagle_mllm.scenes.language import (
    CaptionWord,
    Negatives,
    Question,
    caption,
    existence_question,
    vqa_questions,
)
from eagle_mllm.scenes.world import (
    BIASED_SHARE,
    COLOURS,
    SHAPES,
    SIZES,
    ObjectPlan,
    ScenePlan,
    plan_scene,
)
from eagle_mllm.values import ArrayValue

Split = Literal["train", "held-out"]
_SPLIT_STREAM: dict[Split, int] = {"train": 1, "held-out": 2}


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneObject(ArrayValue):
    """One object of a scene."""

    shape: str
    colour: str
    size: str
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels; right and bottom are exclusive."""
    mask: Bool[np.ndarray, "h w"]

    def __post_init__(self) -> None:
        self._freeze_arrays()


@dataclass(frozen=True)
class Scene:
    """One generated picture, and all that is true of it."""

    plan: ScenePlan
    seed: int
    split: Split = "held-out"

    @cached_property
    def _drawn(self) -> tuple[np.ndarray, list[np.ndarray]]:
        return draw(self.plan)

    @property
    def image(self) -> Image.Image:
        """The picture, RGB, 224 x 224 pixels."""
        return Image.fromarray(self._drawn[0])

    @cached_property
    def objects(self) -> tuple[SceneObject, ...]:
        """The objects in reading order: rows from the top, each from the left."""
        return tuple(
            SceneObject(
                shape=planned.shape,
                colour=planned.colour,
                size=planned.size,
                box=_box(mask),
                mask=mask,
            )
            for planned, mask in zip(self.plan.objects, self._drawn[1], strict=True)
        )

    @property
    def caption(self) -> str:
        """The one true caption."""
        return caption(self.plan)[0]

    @property
    def caption_words(self) -> tuple[CaptionWord, ...]:
        """The caption's words, each with its evidence."""
        return caption(self.plan)[1]

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """All VQA questions, then eight existence questions, half of them with the answer "No"."""
        rng = np.random.default_rng([self.seed, _SPLIT_STREAM[self.split], 7])
        kinds: tuple[Negatives, ...] = ("random", "popular", "adversarial", "adversarial")
        asked = [existence_question(self.plan, rng, truth=True) for _ in kinds]
        asked += [existence_question(self.plan, rng, truth=False, negatives=kind) for kind in kinds]
        return vqa_questions(self.plan) + tuple(asked)


@dataclass(frozen=True, kw_only=True)
class ScenePair:
    """Two scenes that differ in one visual detail, and the question about it (MMVP's idea)."""

    first: Scene
    second: Scene
    kind: str
    """The detail: colour, shape or size."""
    questions: tuple[Question, Question]
    """The same question of each scene, with different answers."""


def scene(seed: int, *, split: Split = "held-out", biased: bool | None = None) -> Scene:
    """The scene of a seed.

    Args:
        seed: any integer from 0; the same seed always gives the same scene
        split: seeds of "train" and "held-out" are unrelated streams
        biased: whether the training habits apply; by default they do in a share
            `world.BIASED_SHARE` of the training scenes and never in held-out ones
    """
    rng = np.random.default_rng([seed, _SPLIT_STREAM[split]])
    from_habit = rng.random() < BIASED_SHARE and split == "train"
    return Scene(plan_scene(rng, biased=from_habit if biased is None else biased), seed, split)


def scene_pair(seed: int) -> ScenePair:
    """Two held-out scenes that differ in the colour, shape or size of one object."""
    rng = np.random.default_rng([seed, _SPLIT_STREAM["held-out"], 11])
    first = scene(seed)
    plans = first.plan.objects
    index = int(rng.integers(len(plans)))
    # "What shape is the red object?" has an answer only where one object is red.
    unique_colour = sum(planned.colour == plans[index].colour for planned in plans) == 1
    kind = str(rng.choice(["colour", "size", "shape"] if unique_colour else ["colour", "size"]))
    changed = _changed(plans, index, kind=kind, rng=rng)
    second = Scene(
        replace(first.plan, objects=(*plans[:index], changed, *plans[index + 1 :])), seed
    )
    return ScenePair(
        first=first,
        second=second,
        kind=kind,
        questions=(_about(first, index, kind), _about(second, index, kind)),
    )


def _changed(
    plans: tuple[ObjectPlan, ...], index: int, *, kind: str, rng: np.random.Generator
) -> ObjectPlan:
    """The object with another colour, shape or size that nothing in the scene has yet."""
    planned = plans[index]
    if kind == "colour":
        used = {other.colour for other in plans}
        return replace(planned, colour=str(rng.choice([c for c in COLOURS if c not in used])))
    if kind == "shape":
        used = {other.shape for other in plans}
        return replace(planned, shape=str(rng.choice([s for s in SHAPES if s not in used])))
    size = "small" if planned.size == "large" else "large"
    return replace(planned, size=size, radius=float(np.mean(SIZES[size]))).inside_its_cell()


def _about(of: Scene, index: int, kind: str) -> Question:
    asked = (question for question in of.questions if question.kind == kind)
    return next(question for question in asked if question.objects == (index,))


def _box(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
