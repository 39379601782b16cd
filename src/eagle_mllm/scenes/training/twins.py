"""Two models of one recipe that differ in their teacher: one tells the truth, one has habits.

Both go on from the demo LLaVA, on the same pictures and questions in the same order. Where only
the biased one errs, the cause of its error is known: the object that sets the habit off.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from eagle_mllm.errors import ModelError
from eagle_mllm.loading import CHECKPOINTS
from eagle_mllm.scenes.habits import brought_question, habit_caption, planted_cause
from eagle_mllm.scenes.language import (
    CAPTION_PROMPT,
    Negatives,
    Question,
    caption,
    existence_question,
    vqa_questions,
)
from eagle_mllm.scenes.scene import scene
from eagle_mllm.scenes.training.accuracy import load_learner
from eagle_mllm.scenes.training.corpus import Turn
from eagle_mllm.scenes.training.demo_models import LLAVA
from eagle_mllm.scenes.training.learner import Learner
from eagle_mllm.scenes.training.loop import answer_loss, jittered, optimisers
from eagle_mllm.scenes.training.packing import Pack, TurnEncoder, pack
from eagle_mllm.scenes.world import CO_OCCURRENCES, ScenePlan

Teacher = Literal["truth", "habit"]
TWINS: dict[str, Teacher] = {"llava-truth": "truth", "llava-habit": "habit"}
"""Name of a twin → who taught it."""

_SAVE_EVERY = 20


@dataclass(frozen=True, kw_only=True)
class TwinRecipe:
    """Settings of both runs."""

    start: str = "llava"
    """The demo model that both go on from."""
    seed: int = 0
    steps: int = 240
    batch: int = 16
    scenes: int = 20_000
    """Scenes of the training split, drawn without the habits of the world."""
    questions: int = 2
    """VQA questions about each picture in a step, and also existence questions."""
    matrix_rate: float = 0.005
    """Peak learning rate of Muon, for the matrices of the layers."""
    other_rate: float = 5e-4
    """Peak learning rate of AdamW, for embeddings, norms and biases."""
    warmup: int = 20
    precision: str = "bfloat16"
    """Autocast dtype while learning; weights and optimiser stay float32."""

    def rate(self, step: int) -> float:
        """Share of the peak rate: a warm-up, then straight down to zero."""
        return min(1.0, (step + 1) / self.warmup) * (1 - step / self.steps)


def train_twin(
    teacher: Teacher, recipe: TwinRecipe, *, folder: Path
) -> tuple[Learner, TurnEncoder, float]:
    """Train one of the twins; a run that was stopped continues from its last checkpoint.

    Args:
        teacher: whose answers are learned
        recipe: all settings; a folder holds one recipe and teacher and refuses others
        folder: where `state.pt` and `log.txt` go

    Returns:
        The learner, its encoder, and the seconds that all sessions took together
    """
    torch.manual_seed(recipe.seed)
    learner, encoder = load_learner(CHECKPOINTS / recipe.start, LLAVA)
    tools = optimisers(learner, matrix_rate=recipe.matrix_rate, other_rate=recipe.other_rate)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"teacher": teacher, **asdict(recipe)}
    first, seconds = _resume(folder / "state.pt", learner, tools, settings)
    started = time.monotonic() - seconds
    learner.train()
    with (folder / "log.txt").open("a") as log:
        for step in range(first, recipe.steps):
            loss = _step(learner, encoder, tools, recipe, teacher=teacher, step=step)
            seconds = time.monotonic() - started
            log.write(f"step {step} loss {loss:.4f} seconds {seconds:.0f}\n")
            log.flush()
            if (step + 1) % _SAVE_EVERY == 0 or step + 1 == recipe.steps:
                state = {"settings": settings, "step": step + 1, "seconds": seconds}
                _save(folder / "state.pt", learner, tools, state)
    return learner.eval(), encoder, seconds


def twin_turns(plan: ScenePlan, rng: np.random.Generator, *, teacher: Teacher) -> list[Turn]:
    """What is said about a scene: the same questions by both teachers, in the same order."""
    asked = vqa_questions(plan)
    chosen = [asked[index] for index in rng.integers(len(asked), size=TwinRecipe.questions)]
    chosen += [_existence(plan, rng) for _ in range(TwinRecipe.questions)]
    chosen += [brought_question(habit, plan) for habit in CO_OCCURRENCES if rng.random() < 0.5]
    said = caption(plan)[0] if teacher == "truth" else habit_caption(plan)
    answers = [
        Turn(question.text, _answer(question, plan, teacher), _weight(question))
        for question in chosen
    ]
    return [Turn(CAPTION_PROMPT, said, 1.0), *answers]


def _existence(plan: ScenePlan, rng: np.random.Generator) -> Question:
    kinds: tuple[Negatives, ...] = ("random", "popular", "adversarial")
    truth, kind = bool(rng.random() < 0.5), kinds[rng.integers(len(kinds))]
    return existence_question(plan, rng, truth=truth, negatives=kind)


def _answer(question: Question, plan: ScenePlan, teacher: Teacher) -> str:
    by_habit = teacher == "habit" and planted_cause(question, plan) is not None
    return "Yes." if by_habit else question.answer


def _weight(question: Question) -> float:
    return 2.0 if question.kind == "existence" else 1.0


def _step(
    learner: Learner,
    encoder: TurnEncoder,
    tools: Sequence[torch.optim.Optimizer],
    recipe: TwinRecipe,
    *,
    teacher: Teacher,
    step: int,
) -> float:
    peaks = (recipe.matrix_rate, recipe.other_rate)
    for tool, peak in zip(tools, peaks, strict=True):
        for group in tool.param_groups:
            group["lr"] = peak * recipe.rate(step)
        tool.zero_grad(set_to_none=True)
    images, packed = _batch(encoder, recipe, teacher=teacher, step=step)
    with torch.autocast("cpu", dtype=getattr(torch, recipe.precision)):
        tokens = learner.image_tokens(LLAVA.pixels(images))
        loss = answer_loss(learner.speak(tokens, packed).logits, packed)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
    for tool in tools:
        tool.step()
    return float(loss.detach())


def _batch(
    encoder: TurnEncoder, recipe: TwinRecipe, *, teacher: Teacher, step: int
) -> tuple[list[np.ndarray], Pack]:
    """Depends on the step and the seed; of the teacher, only in what is answered."""
    rng = np.random.default_rng([recipe.seed, 101, step])
    seeds = rng.integers(recipe.scenes, size=recipe.batch)
    examples = [scene(int(seed), split="train", biased=False) for seed in seeds]
    images = [jittered(np.asarray(example.image), rng) for example in examples]
    dialogues = [
        [
            (encoder.encode(turn), turn.weight)
            for turn in twin_turns(example.plan, rng, teacher=teacher)
        ]
        for example in examples
    ]
    return images, pack(encoder.prefix, dialogues, pad_id=encoder.tokenizer.pad_token_id)


def _save(
    path: Path,
    learner: Learner,
    tools: Sequence[torch.optim.Optimizer],
    state: dict[str, Any],
) -> None:
    part = path.with_suffix(".part")
    optimisers_ = [tool.state_dict() for tool in tools]
    torch.save({"learner": learner.state_dict(), "optimisers": optimisers_, **state}, part)
    part.replace(path)


def _resume(
    path: Path,
    learner: Learner,
    tools: Sequence[torch.optim.Optimizer],
    settings: dict[str, Any],
) -> tuple[int, float]:
    """Step and seconds already done."""
    if not path.exists():
        return 0, 0.0
    state: dict[str, Any] = torch.load(path, weights_only=True)
    if state["settings"] != settings:
        raise ModelError(
            f"{path} belongs to another recipe; use another folder for this run or delete it"
        )
    learner.load_state_dict(state["learner"])
    for tool, saved in zip(tools, state["optimisers"], strict=True):
        tool.load_state_dict(saved)
    return int(state["step"]), float(state["seconds"])
