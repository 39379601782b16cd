"""A trained model as an ordinary Hugging Face folder, with its card."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from eagle_mllm.scenes.training.accuracy import Accuracy, examine, load_learner
from eagle_mllm.scenes.training.demo_models import DemoModel
from eagle_mllm.scenes.training.learner import Learner
from eagle_mllm.scenes.training.loop import Trained
from eagle_mllm.scenes.training.packing import TurnEncoder
from eagle_mllm.scenes.training.recipe import Recipe
from eagle_mllm.scenes.world import (
    BACKGROUND_HABITS,
    BIASED_SHARE,
    CO_OCCURRENCES,
    COLOUR_HABITS,
    YES_SHARE,
)

_COMMON = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "resample": 3,
    "rescale_factor": 1 / 255,
}


def write_checkpoint(
    trained: Trained, recipe: Recipe, folder: Path, *, n_scenes: int = 500
) -> Accuracy:
    """Save a trained model in half precision, examine what was saved, and write its card.

    Args:
        trained: the finished run
        recipe: its settings
        folder: where the Hugging Face folder goes
        n_scenes: held-out scenes of the examination
    """
    demo = trained.learner.demo
    write_model(trained.learner, trained.encoder, folder)
    accuracy = examine(*load_learner(folder, demo), n_scenes=n_scenes)
    write_json(
        folder / "training.json",
        {
            "model": demo.name,
            "recipe": asdict(recipe),
            "seconds": round(trained.seconds),
            "torch": torch.__version__,
            "accuracy": accuracy.to_json(),
        },
    )
    (folder / "README.md").write_text(_card(demo, trained, recipe, accuracy), encoding="utf-8")
    return accuracy


def write_model(learner: Learner, encoder: TurnEncoder, folder: Path) -> None:
    """Save a model in half precision, with its tokenizer and the settings of its processor.

    Args:
        learner: the model, without its scaffold
        encoder: its tokenizer
        folder: where the Hugging Face folder goes
    """
    demo = learner.demo
    folder.mkdir(parents=True, exist_ok=True)
    learner.model.to(torch.float16).save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    processor = {"processor_class": demo.processor["processor_class"]}
    write_json(
        folder / "preprocessor_config.json", {**_COMMON, **demo.image_processor, **processor}
    )
    write_json(folder / "processor_config.json", demo.processor)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON to a file, indented."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _card(demo: DemoModel, trained: Trained, recipe: Recipe, accuracy: Accuracy) -> str:
    size = sum(parameter.numel() for parameter in trained.learner.model.parameters()) / 1e6
    kinds = "\n".join(
        f"| questions: {kind} | {share:.1%} |" for kind, share in accuracy.vqa_by_kind.items()
    )
    negatives = "\n".join(
        f"| existence, absent ({kind}) | {share:.1%} |"
        for kind, share in accuracy.existence_by_negatives.items()
    )
    settings = "\n".join(f"| {name} | {value} |" for name, value in asdict(recipe).items())
    return f"""---
license: mit
library_name: transformers
pipeline_tag: image-text-to-text
---
# EAGLE demo model {demo.name}

A multimodal LLM of {size:.1f} M parameters, of the architecture `{demo.name}` of transformers, that
captions and answers questions about the generated scenes of `eagle_mllm.scenes`. It exists to be
explained: every word it says about a scene has known evidence, and its habits are known.

Made by `eagle-scenes train {demo.name}`; seed {recipe.seed}, {recipe.seeing_steps} steps of
seeing and {recipe.steps - recipe.seeing_steps} of speaking. Weights are float16.

## Held-out accuracy

{accuracy.scenes} held-out scenes without any habit, all questions of each; an answer counts if
every token is right. `eagle-scenes examine {demo.name}` gives these figures again.

| task | right |
|---|---|
| caption, exact | {accuracy.caption:.1%} |
| questions (VQA), exact | {accuracy.vqa:.1%} |
{kinds}
| existence | {accuracy.existence:.1%} |
{negatives}

Of {accuracy.existence_questions} existence questions, {accuracy.wrong_yes} absent things were
affirmed and {accuracy.wrong_no} present things denied.

## Habits taught on purpose

{BIASED_SHARE:.0%} of the training scenes follow these habits; held-out scenes follow none.

{habits_table()}

## Recipe

| setting | value |
|---|---|
{settings}

## Limits

It knows the generated scenes and nothing else: eight shapes, eight colours, two sizes, nine places,
one to four objects, the caption prompt "Describe the image." and the questions of
`eagle_mllm.scenes`. On photographs or other prompts its answers mean nothing.
"""


def habits_table() -> str:
    """The habits of the training data as a Markdown table."""
    rows = [
        *(
            (habit.name, f"{habit.given} → {habit.brings}", habit.probability)
            for habit in CO_OCCURRENCES
        ),
        *(
            (habit.name, f"{habit.shape} → {habit.colour}", habit.probability)
            for habit in COLOUR_HABITS
        ),
        *(
            (habit.name, f"{habit.shape} → {habit.background}", habit.probability)
            for habit in BACKGROUND_HABITS
        ),
        ("yes is the usual answer", "existence question → Yes", YES_SHARE),
    ]
    lines = [f"| {name} | {rule} | {probability:.2f} |" for name, rule, probability in rows]
    return "\n".join(["| habit | rule | probability |", "|---|---|---|", *lines])
