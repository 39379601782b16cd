"""The training scenes, drawn once and kept on disk, and what is said about each."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from eagle_mllm.scenes.language import (
    CAPTION_PROMPT,
    VQA_KINDS,
    Negatives,
    caption,
    existence_question,
    vqa_questions,
)
from eagle_mllm.scenes.scene import Scene, scene
from eagle_mllm.scenes.world import COLOURS, SHAPES, SIDE, SIZES, YES_SHARE, ScenePlan

GRID = 8
"""Rows and columns of image tokens in every demo model."""
_COVERED = 0.12
"""A token shows an object if the object covers at least this share of it."""
_CHUNK = 500

Labels = Int[np.ndarray, "scenes rows columns facts"]


@dataclass(frozen=True)
class Turn:
    """One question, or the wish for a caption, with its answer and its weight in the loss."""

    prompt: str
    answer: str
    weight: float


@dataclass(frozen=True)
class Corpus:
    """Scenes of the training split with their pictures and, for each image token, what it shows."""

    images: UInt8[np.ndarray, "scenes h w 3"]
    labels: Labels
    """Shape, colour and size shown by each token; 0 where no object is."""

    def __len__(self) -> int:
        return len(self.images)


def load_corpus(folder: Path, n_scenes: int) -> Corpus:
    """The first `n_scenes` training scenes, drawn on the first call and read from disk later."""
    folder.mkdir(parents=True, exist_ok=True)
    images_path = folder / f"images-{n_scenes}.npy"
    labels_path = folder / f"labels-{n_scenes}.npy"
    if not labels_path.exists():
        _draw_corpus(images_path, labels_path, n_scenes)
    return Corpus(np.load(images_path, mmap_mode="r"), np.load(labels_path))


def _draw_corpus(images_path: Path, labels_path: Path, n_scenes: int) -> None:
    part = images_path.with_suffix(".part.npy")
    images = np.lib.format.open_memmap(
        part, mode="w+", dtype=np.uint8, shape=(n_scenes, SIDE, SIDE, 3)
    )
    labels = np.zeros((n_scenes, GRID, GRID, 3), np.int64)
    chunks = [range(start, min(start + _CHUNK, n_scenes)) for start in range(0, n_scenes, _CHUNK)]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        drawn = pool.map(_draw_chunk, chunks)
        for chunk, (chunk_images, chunk_labels) in zip(chunks, drawn, strict=True):
            images[chunk.start : chunk.stop] = chunk_images
            labels[chunk.start : chunk.stop] = chunk_labels
    images.flush()
    part.replace(images_path)
    np.save(labels_path, labels)


def _draw_chunk(seeds: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    scenes = [scene(seed, split="train") for seed in seeds]
    images = np.stack([np.asarray(example.image) for example in scenes])
    return images, np.stack([_token_labels(example) for example in scenes])


def _token_labels(example: Scene) -> Int[np.ndarray, "rows columns facts"]:
    labels = np.zeros((GRID, GRID, 3), np.int64)
    cell = SIDE // GRID
    for thing in example.objects:
        share = thing.mask.reshape(GRID, cell, GRID, cell).mean(axis=(1, 3))
        facts = (
            1 + SHAPES.index(thing.shape),
            1 + tuple(COLOURS).index(thing.colour),
            1 + tuple(SIZES).index(thing.size),
        )
        labels[share >= _COVERED] = facts
    return labels


def plan_of(seed: int) -> ScenePlan:
    """The plan of a training scene; cheap, nothing is drawn."""
    return scene(seed, split="train").plan


def training_turns(plan: ScenePlan, rng: np.random.Generator, *, questions: int) -> list[Turn]:
    """A caption, then the given number of VQA and of existence questions, chosen at random.

    "Yes" is the truth of `world.YES_SHARE` of the existence questions, a habit on purpose.
    """
    turns = [Turn(CAPTION_PROMPT, caption(plan)[0], 1.0)]
    asked = vqa_questions(plan)
    by_kind = [[q for q in asked if q.kind == kind] for kind in VQA_KINDS]
    by_kind = [group for group in by_kind if group]
    for _ in range(questions):
        group = by_kind[rng.integers(len(by_kind))]
        question = group[rng.integers(len(group))]
        turns.append(Turn(question.text, question.answer, 1.0))
    kinds: tuple[Negatives, ...] = ("random", "popular", "adversarial")
    for _ in range(questions):
        truth = bool(rng.random() < YES_SHARE)
        kind = kinds[rng.integers(len(kinds))]
        question = existence_question(plan, rng, truth=truth, negatives=kind)
        turns.append(Turn(question.text, question.answer, 2.0))
    return turns
