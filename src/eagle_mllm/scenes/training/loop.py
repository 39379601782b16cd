"""The training loop: seeded, logged, and resumable at every checkpoint."""

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from eagle_mllm.errors import ModelError
from eagle_mllm.scenes.training.corpus import Corpus, Labels, load_corpus, plan_of, training_turns
from eagle_mllm.scenes.training.demo_models import DemoModel
from eagle_mllm.scenes.training.learner import Learner
from eagle_mllm.scenes.training.packing import IGNORED, Pack, TurnEncoder, pack
from eagle_mllm.scenes.training.pixels import Pixels
from eagle_mllm.scenes.training.recipe import Recipe

_LOG_EVERY = 20
_SAVE_EVERY = 200


@dataclass(frozen=True)
class Batch:
    """Pictures of one step, what their tokens show, and, once the model speaks, the turns."""

    seen: Pixels
    labels: Tensor
    packed: Pack | None


@dataclass(frozen=True)
class Trained:
    """A finished run."""

    learner: Learner
    encoder: TurnEncoder
    seconds: float
    """Wall time of all its sessions together."""


def train(
    demo: DemoModel,
    recipe: Recipe,
    *,
    folder: Path,
    corpus_folder: Path,
    save_every: int = _SAVE_EVERY,
) -> Trained:
    """Train a demo model; a run that was stopped continues from its last checkpoint.

    Args:
        demo: what to train
        recipe: all settings; a folder holds one recipe and refuses another
        folder: where `state.pt` and `log.jsonl` go
        corpus_folder: where the drawn training scenes are kept; all models share it
        save_every: steps between checkpoints
    """
    corpus = load_corpus(corpus_folder, recipe.scenes)
    torch.manual_seed(recipe.seed)
    tokenizer = demo.tokenizer()
    encoder = TurnEncoder(demo, tokenizer)
    learner = Learner(demo, demo.build(tokenizer), encoder.prefix)
    tools = optimisers(learner, matrix_rate=recipe.matrix_rate, other_rate=recipe.other_rate)
    folder.mkdir(parents=True, exist_ok=True)
    state_path = folder / "state.pt"
    first, seconds = _resume(state_path, learner, tools, recipe)
    started = time.monotonic() - seconds
    batches = _batches(demo, recipe, corpus, encoder, first=first)
    with (folder / "log.jsonl").open("a") as log:
        for step, batch in enumerate(batches, start=first):
            losses = _step(learner, tools, batch, recipe, step=step)
            if step % _LOG_EVERY == 0 or step == recipe.steps - 1:
                entry = {"step": step, "seconds": round(time.monotonic() - started), **losses}
                log.write(json.dumps(entry) + "\n")
                log.flush()
            if (step + 1) % save_every == 0 or step == recipe.steps - 1:
                seconds = time.monotonic() - started
                _save(state_path, learner, tools, recipe, step=step + 1, seconds=seconds)
    return Trained(learner.eval(), encoder, seconds)


def optimisers(
    learner: Learner, *, matrix_rate: float, other_rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for everything else.

    Args:
        learner: what learns
        matrix_rate: learning rate of Muon
        other_rate: learning rate of AdamW
    """
    named = list(learner.named_parameters())
    is_matrix = {
        name: parameter.ndim == 2 and "embed" not in name and "heads." not in name
        for name, parameter in named
    }
    matrices = [parameter for name, parameter in named if is_matrix[name]]
    others = [parameter for name, parameter in named if not is_matrix[name]]
    return [
        torch.optim.Muon(matrices, lr=matrix_rate, weight_decay=0.01, adjust_lr_fn="original"),
        torch.optim.AdamW(others, lr=other_rate, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def _rate(step: int, recipe: Recipe) -> float:
    """Share of the peak rate: each phase warms up and falls as a cosine, the last to zero."""
    speaking = step >= recipe.seeing_steps
    start = recipe.seeing_steps if speaking else 0
    length = recipe.speaking_steps if speaking else recipe.seeing_steps
    peak, floor = (recipe.speaking_rate, 0.0) if speaking else (1.0, 0.3)
    done = (step - start) / max(1, length)
    warm = min(1.0, (step - start + 1) / recipe.warmup)
    return peak * warm * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def _step(
    learner: Learner,
    optimisers: list[torch.optim.Optimizer],
    batch: Batch,
    recipe: Recipe,
    *,
    step: int,
) -> dict[str, float]:
    learner.train()
    for optimiser, peak in zip(optimisers, (recipe.matrix_rate, recipe.other_rate), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = peak * _rate(step, recipe)
        optimiser.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=getattr(torch, recipe.precision)):
        tokens = learner.image_tokens(batch.seen)
        losses = {"seen": _label_loss(learner.heads, tokens, batch.labels)}
        total = losses["seen"]
        if batch.packed is not None:
            spoken = learner.speak(tokens, batch.packed)
            losses["inner"] = _label_loss(learner.inner_heads, spoken.inner, batch.labels)
            losses["answers"] = answer_loss(spoken.logits, batch.packed)
            scaffold = losses["seen"] + losses["inner"]
            total = losses["answers"] + recipe.label_weight * scaffold
    total.backward()
    nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()
    return {name: round(float(loss.detach()), 4) for name, loss in losses.items()}


def _label_loss(heads: nn.ModuleList, tokens: Tensor, labels: Tensor) -> Tensor:
    losses = [
        functional.cross_entropy(head(tokens).float().flatten(0, 1), labels[..., fact].flatten())
        for fact, head in enumerate(heads)
    ]
    return torch.stack(losses).sum()


def answer_loss(logits: Tensor, packed: Pack) -> Tensor:
    """Weighted cross-entropy of the tokens that are learned, a scalar.

    Args:
        logits: at every position where something is learned, row by row
        packed: what was to be said there
    """
    learned = packed.targets != IGNORED
    losses = functional.cross_entropy(logits.float(), packed.targets[learned], reduction="none")
    weights = packed.weights[learned]
    return (losses * weights).sum() / weights.sum()


def _batches(
    demo: DemoModel, recipe: Recipe, corpus: Corpus, encoder: TurnEncoder, *, first: int
) -> Iterator[Batch]:
    """The batches from step `first` on; each depends on its step and the seed alone."""

    def make(step: int) -> Batch:
        rng = np.random.default_rng([recipe.seed, step])
        speaking = step >= recipe.seeing_steps
        size = recipe.speaking_batch if speaking else recipe.seeing_batch
        seeds = rng.integers(len(corpus), size=size)
        images = [jittered(corpus.images[seed], rng) for seed in seeds]
        labels = torch.from_numpy(_with_places(corpus.labels[seeds])).flatten(1, 2)
        packed = None
        if speaking:
            dialogues = [
                [
                    (encoder.encode(turn), turn.weight)
                    for turn in training_turns(plan_of(int(seed)), rng, questions=recipe.questions)
                ]
                for seed in seeds
            ]
            pad = encoder.tokenizer.pad_token_id
            packed = pack(encoder.prefix, dialogues, pad_id=pad)
        return Batch(demo.pixels(images), labels, packed)

    # One thread ahead of the learner; steps keep their order.
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(make, first) if first < recipe.steps else None
        for step in range(first, recipe.steps):
            assert coming is not None
            batch = coming.result()
            coming = pool.submit(make, step + 1) if step + 1 < recipe.steps else None
            yield batch


def _with_places(labels: Labels) -> Int[np.ndarray, "scenes rows columns facts+2"]:
    """The labels of each token, then its row and column."""
    rows, columns = np.indices(labels.shape[1:3])
    places = np.stack([rows, columns], axis=-1)
    return np.concatenate([labels, np.broadcast_to(places, (*labels.shape[:3], 2))], axis=-1)


def jittered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Slightly brighter or darker, so that no colour is known by one value."""
    factor = rng.uniform(0.92, 1.08)
    return np.clip(image * factor, 0, 255).astype(np.uint8)


def _save(
    path: Path,
    learner: Learner,
    optimisers: list[torch.optim.Optimizer],
    recipe: Recipe,
    *,
    step: int,
    seconds: float,
) -> None:
    part = path.with_suffix(".part")
    torch.save(
        {
            "learner": learner.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "recipe": asdict(recipe),
            "step": step,
            "seconds": seconds,
        },
        part,
    )
    part.replace(path)


def _resume(
    path: Path, learner: Learner, optimisers: list[torch.optim.Optimizer], recipe: Recipe
) -> tuple[int, float]:
    """Step and seconds already done."""
    if not path.exists():
        return 0, 0.0
    state: dict[str, Any] = torch.load(path, weights_only=True)
    if state["recipe"] != asdict(recipe):
        raise ModelError(
            f"{path} belongs to another recipe; use another folder for this run or delete it"
        )
    learner.load_state_dict(state["learner"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"]), float(state["seconds"])
