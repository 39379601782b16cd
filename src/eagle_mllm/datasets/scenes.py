"""Generated scenes as a data set: every task, any number of samples, all truth known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import get_args, overload

import numpy as np

from eagle_mllm.attribution.rle import Rle
from eagle_mllm.datasets.dataset import DataSet, fingerprint
from eagle_mllm.datasets.names import object_names
from eagle_mllm.datasets.sample import ObjectTruth, Sample, SceneImage, SceneRef, Task
from eagle_mllm.errors import SettingError
from eagle_mllm.scenes.language import CAPTION_PROMPT, Question
from eagle_mllm.scenes.scene import Scene, SceneObject, scene

# Choices of one task say nothing about those of another, nor about the scene itself.
_STREAMS: dict[Task, int] = {"object": 101, "vqa": 102, "existence": 103}


@dataclass(frozen=True, kw_only=True)
class SceneSamples(Sequence[Sample]):
    """The samples of consecutive held-out scenes, each made when it is asked for."""

    task: Task
    seeds: range

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return tuple(scene_sample(seed, self.task) for seed in self.seeds[index])
        return scene_sample(self.seeds[index], self.task)


def read(*, task: Task = "caption", count: int = 100, first: int = 0) -> DataSet:
    """Held-out scenes, which the demo models have not seen and whose training habits do not hold.

    Args:
        task: what is asked of each scene
        count: how many scenes
        first: the seed of the first; the others follow

    Raises:
        SettingError: the task is unknown, the count below 1 or the seed negative
    """
    if task not in get_args(Task):
        raise SettingError(f"unknown task {task!r}; choose one of {', '.join(get_args(Task))}")
    if count < 1 or first < 0:
        raise SettingError(f"count is {count} and first {first}; expected from 1 and from 0 on")
    seeds = range(first, first + count)
    # Nothing is drawn for it, but another world would say other things.
    said = (repr(_said(scene(seed), task)).encode() for seed in seeds)
    return DataSet(
        name=f"scenes-{task}",
        samples=SceneSamples(task=task, seeds=seeds),
        fingerprint=fingerprint(said, map(_id, seeds)),
        counts={"scenes": count},
    )


def scene_sample(seed: int, task: Task) -> Sample:
    """What is asked of one held-out scene; the same seed always asks the same.

    A caption is asked for as a whole, or for the shape word of one object in it. Of the questions
    with one answer, and of those about existence, one each is chosen by the seed.
    """
    example = scene(seed)
    prompt, truth, at = _said(example, task)
    item = example.objects[at] if at is not None else None
    return Sample(
        id=_id(seed),
        task=task,
        image=SceneImage(seed),
        prompt=prompt,
        truth=truth,
        names=object_names(item.shape) if item and task == "object" else (),
        object=_truth(item) if item else None,
        scene=SceneRef(seed),
    )


def _id(seed: int) -> str:
    return f"scene-{seed:06d}"


def _said(example: Scene, task: Task) -> tuple[str, str, int | None]:
    """Prompt, true answer, and which object it is about, if it is about one."""
    if task == "caption":
        return CAPTION_PROMPT, example.caption, None
    rng = np.random.default_rng([example.seed, _STREAMS[task]])
    if task == "object":
        return CAPTION_PROMPT, example.caption, int(rng.integers(len(example.plan.objects)))
    question = _choice(example, task, rng)
    truth = question.answer.rstrip(".") if task == "existence" else question.answer
    return question.text, truth, question.objects[0] if len(question.objects) == 1 else None


def _choice(example: Scene, task: Task, rng: np.random.Generator) -> Question:
    """One question: a kind first, since there is one about the number and many about colours."""
    wanted = [q for q in example.questions if (q.kind == "existence") == (task == "existence")]
    by_kind = sorted(wanted, key=attrgetter("kind"))
    kinds = [list(group) for _, group in groupby(by_kind, key=attrgetter("kind"))]
    group = kinds[rng.integers(len(kinds))]
    return group[rng.integers(len(group))]


def _truth(item: SceneObject) -> ObjectTruth:
    left, top, right, bottom = map(float, item.box)
    return ObjectTruth(box=(left, top, right, bottom), segmentation=Rle.from_mask(item.mask))
