"""The examination of a checkpoint on held-out scenes, which follow none of the training habits."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from eagle_mllm.models.pretrained import Checkpoint
from eagle_mllm.scenes.language import CAPTION_PROMPT, Question
from eagle_mllm.scenes.scene import Scene, scene
from eagle_mllm.scenes.training.corpus import Turn
from eagle_mllm.scenes.training.demo_models import DemoModel
from eagle_mllm.scenes.training.learner import Learner
from eagle_mllm.scenes.training.packing import IGNORED, TurnEncoder, pack


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Share of exactly right answers; an answer is right if its every token is, the end included.

    A token is right if it is the arg max after the true tokens before it. All are right exactly if
    greedy generation writes the true answer, so nothing needs to be generated.
    """

    scenes: int
    caption: float
    vqa: float
    vqa_by_kind: dict[str, float]
    existence: float
    existence_by_truth: dict[str, float]
    existence_by_negatives: dict[str, float]
    existence_questions: int
    wrong_yes: int
    """Absent objects affirmed: the hallucinations."""
    wrong_no: int
    """Present objects denied."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, shares rounded to four digits."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(item) for key, item in value.items()}
            return round(value, 4) if isinstance(value, float) else value

        return {key: plain(value) for key, value in asdict(self).items()}


def load_learner(folder: Path, demo: DemoModel) -> tuple[Learner, TurnEncoder]:
    """A checkpoint folder, in float32, ready to be examined."""
    checkpoint = Checkpoint(name=folder.name, place=str(folder))
    tokenizer = checkpoint.read(AutoTokenizer)
    model = checkpoint.read(AutoModelForImageTextToText, dtype=torch.float32)
    encoder = TurnEncoder(demo, tokenizer)
    return Learner(demo, model, encoder.prefix).eval(), encoder


def examine(learner: Learner, encoder: TurnEncoder, *, n_scenes: int = 500) -> Accuracy:
    """Ask a model everything about the first `n_scenes` held-out scenes."""
    captions: list[bool] = []
    answers: list[tuple[Question, bool]] = []
    for seeds in _batched(range(n_scenes), 10):
        scenes = [scene(seed) for seed in seeds]
        for example, right in zip(scenes, _right_answers(learner, encoder, scenes), strict=True):
            captions.append(right[0])
            answers += zip(example.questions, right[1:], strict=True)
    vqa = [(question, right) for question, right in answers if question.kind != "existence"]
    existence = [(question, right) for question, right in answers if question.kind == "existence"]
    return Accuracy(
        scenes=n_scenes,
        caption=float(np.mean(captions)),
        vqa=_share(vqa)[""],
        vqa_by_kind=_share(vqa, "kind"),
        existence=_share(existence)[""],
        existence_by_truth=_share(existence, "answer"),
        existence_by_negatives={
            kind: share for kind, share in _share(existence, "negatives").items() if kind != "None"
        },
        existence_questions=len(existence),
        wrong_yes=sum(not right for question, right in existence if question.answer == "No."),
        wrong_no=sum(not right for question, right in existence if question.answer == "Yes."),
    )


def _batched(seeds: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]


def _share(answers: list[tuple[Question, bool]], field: str = "") -> dict[str, float]:
    groups: dict[str, list[bool]] = {}
    for question, right in answers:
        name = str(getattr(question, field)) if field else ""
        groups.setdefault(name, []).append(right)
    return {name: float(np.mean(rights)) for name, rights in sorted(groups.items())}


def _right_answers(
    learner: Learner, encoder: TurnEncoder, scenes: Sequence[Scene]
) -> list[list[bool]]:
    """For each scene: whether its caption and each of its questions is answered rightly."""
    dialogues = [
        [
            Turn(CAPTION_PROMPT, example.caption, 1.0),
            *(Turn(question.text, question.answer, 1.0) for question in example.questions),
        ]
        for example in scenes
    ]
    return writes(learner, encoder, scenes, dialogues)


@torch.inference_mode()
def writes(
    learner: Learner,
    encoder: TurnEncoder,
    scenes: Sequence[Scene],
    dialogues: Sequence[Sequence[Turn]],
) -> list[list[bool]]:
    """For each scene and turn: whether the model would write this answer, by greedy decoding.

    Args:
        learner: the model
        encoder: its tokenizer
        scenes: what is asked about
        dialogues: turns about each scene, at least one
    """
    packed = pack(
        encoder.prefix,
        [[(encoder.encode(turn), 1.0) for turn in turns] for turns in dialogues],
        pad_id=encoder.tokenizer.pad_token_id,
    )
    tokens = learner.image_tokens(
        learner.demo.pixels([np.asarray(example.image) for example in scenes])
    )
    learned = packed.targets != IGNORED
    token_right = torch.zeros_like(learned)
    said = learner.speak(tokens, packed).logits.argmax(-1)
    token_right[learned] = said == packed.targets[learned]
    return [
        [
            bool(token_right[row][learned[row] & (packed.turn[row] == number)].all())
            for number in range(1, len(turns) + 1)
        ]
        for row, turns in enumerate(dialogues)
    ]
