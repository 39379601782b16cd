"""What of an answer is explained: each task's own question, as in the paper."""

from collections.abc import Callable
from typing import NamedTuple

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.words.yes_no import judge
from eagle_mllm.datasets.sample import Sample, Task
from eagle_mllm.errors import SettingError, TargetError
from eagle_mllm.runs.record import NotApplicable

UNCLEAR = "unclear answer"
"""Why an answer about existence that says neither yes nor no is not explained."""


class Chosen(NamedTuple):
    """An answer, and the tokens of it to explain."""

    generation: Generation
    target: Target


def choose(model: Model, sample: Sample, *, max_new_tokens: int) -> Chosen | NotApplicable:
    """The answer to a sample, and the tokens of it to explain.

    A caption and the answer to a question are explained whole; an object by the first of its names
    that the answer holds. A wrong answer about existence is explained by the token that would
    begin the right one; a right one leaves nothing to correct, and one that says neither yes nor
    no (`attribution.words.yes_no`) cannot be judged.

    Args:
        model: the model that answers; an answer that the sample brings is taken instead
        sample: the question
        max_new_tokens: the longest answer

    Raises:
        ImageError: the image cannot be read
        TargetError: the answer is empty, or cannot be compared with the right one
        SettingError: the sample has no truth, where the task needs one
    """
    generation = _answered(model, sample, max_new_tokens)
    target = _TARGETS[sample.task](generation, sample)
    if isinstance(target, Target):
        return Chosen(generation, target)
    return NotApplicable(
        sample_id=sample.id, task=sample.task, answer=generation.text, reason=target
    )


def _answered(model: Model, sample: Sample, max_new_tokens: int) -> Generation:
    image = sample.image.read()
    if sample.answer is not None:
        return model.with_answer(image, sample.prompt, sample.answer)
    return model.generate(image, sample.prompt, max_new_tokens=max_new_tokens)


def _whole(generation: Generation, _: Sample) -> Target:
    return generation.all()


def _object(generation: Generation, sample: Sample) -> Target | str:
    for name in sample.names:
        try:
            return generation.find(name)
        except TargetError:
            continue
    return "the answer does not name the object"


def _existence(generation: Generation, sample: Sample) -> Target | str:
    if sample.truth is None:
        raise SettingError(f"sample {sample.id} has no truth; existence is told by Yes or No")
    said = judge(generation.text)
    if said == "unclear":
        return UNCLEAR
    return (
        "answered rightly"
        if said == judge(sample.truth)
        else (generation.counterfactual(sample.truth))
    )


_TARGETS: dict[Task, Callable[[Generation, Sample], Target | str]] = {
    "caption": _whole,
    "object": _object,
    "vqa": _whole,
    "existence": _existence,
}
"""Task → the target, or why there is none."""
