"""What of an answer is explained: each task's own question, as in the paper."""

from collections.abc import Callable
from typing import NamedTuple

from eagle_mllm.attribution.choice import TargetChoice, choose_targets
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.words.yes_no import judge
from eagle_mllm.datasets.sample import Sample, Task
from eagle_mllm.errors import SettingError, TargetError
from eagle_mllm.runs.record import NotApplicable

WHOLE: tuple[Task, ...] = ("caption", "vqa")
"""Tasks in which the whole answer is explained, or a piece of it that the user names."""

_EVERYTHING = TargetChoice()

UNCLEAR = "unclear answer"
"""Why an answer about existence that says neither yes nor no is not explained."""


class Chosen(NamedTuple):
    """An answer, and the tokens of it to explain."""

    generation: Generation
    target: Target


def choose(
    model: Model, sample: Sample, *, max_new_tokens: int, piece: TargetChoice = _EVERYTHING
) -> Chosen | NotApplicable:
    """The answer to a sample, and the tokens of it to explain.

    A caption and the answer to a question are explained whole, or a piece of them; an object by
    the first of its names that the answer holds. A wrong answer about existence is explained by the
    token that would begin the right one; a right one leaves nothing to correct, and one that says
    neither yes nor no (`attribution.words.yes_no`) cannot be judged.

    Args:
        model: the model that answers; an answer that the sample brings is taken instead
        sample: the question
        max_new_tokens: the longest answer
        piece: what of an answer is explained where the task explains it whole; an answer without
            it does not apply

    Raises:
        ImageError: the image cannot be read
        TargetError: the answer is empty, has several such pieces, or cannot be compared with the
            right one
        SettingError: the sample has no truth where the task needs one, or the task explains no
            piece
    """
    if piece.n_named and sample.task not in WHOLE:
        raise SettingError(
            f"target and match choose a piece of a whole answer, and the task {sample.task} "
            "explains another one; leave them out"
        )
    generation = _answered(model, sample, max_new_tokens)
    target = _TARGETS[sample.task](generation, sample, piece)
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


def _piece(generation: Generation, _: Sample, piece: TargetChoice) -> Target | str:
    whole = generation.all()
    if not piece.n_named:
        return whole
    try:
        targets = choose_targets(generation, piece)
    except TargetError:
        return "the answer has no such piece"
    if len(targets) > 1:
        raise TargetError(
            f"{len(targets)} pieces of the answer match and a run explains one; name it, as in "
            f"'{piece.matches[0].removesuffix('#all')}#last'"
        )
    return targets[0]


def _object(generation: Generation, sample: Sample, _: TargetChoice) -> Target | str:
    for name in sample.names:
        try:
            return generation.find(name)
        except TargetError:
            continue
    return "the answer does not name the object"


def _existence(generation: Generation, sample: Sample, _: TargetChoice) -> Target | str:
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


_TARGETS: dict[Task, Callable[[Generation, Sample, TargetChoice], Target | str]] = {
    "caption": _piece,
    "object": _object,
    "vqa": _piece,
    "existence": _existence,
}
"""Task → the target, or why there is none."""
