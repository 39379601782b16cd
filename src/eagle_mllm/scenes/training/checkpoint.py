"""A trained model as an ordinary Hugging Face folder, with its card."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from eagle_mllm.scenes.training.accuracy import Accuracy, examine, load_learner
from eagle_mllm.scenes.training.architectures import SCENE_TOKENS
from eagle_mllm.scenes.training.learner import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD
from eagle_mllm.scenes.training.loop import Trained
from eagle_mllm.scenes.training.recipe import Recipe
from eagle_mllm.scenes.world import (
    BACKGROUND_HABITS,
    BIASED_SHARE,
    CO_OCCURRENCES,
    COLOUR_HABITS,
    SIDE,
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
_IMAGE_PROCESSORS: Mapping[str, dict[str, Any]] = {
    "llava": {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 112},
        "crop_size": {"height": 112, "width": 112},
        "do_center_crop": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    },
    "qwen2_5_vl": {
        "image_processor_type": "Qwen2VLImageProcessor",
        "size": {"shortest_edge": SIDE * SIDE, "longest_edge": SIDE * SIDE},
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    },
    "internvl": {
        "image_processor_type": "GotOcr2ImageProcessor",
        "size": {"height": SIDE, "width": SIDE},
        "crop_to_patches": True,
        "min_patches": 1,
        "max_patches": 1,
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_STD,
    },
}
_PROCESSORS: Mapping[str, dict[str, Any]] = {
    "llava": {
        "processor_class": "LlavaProcessor",
        "image_token": "<image>",
        "patch_size": 14,
        "num_additional_image_tokens": 1,
        "vision_feature_select_strategy": "default",
    },
    "qwen2_5_vl": {"processor_class": "Qwen2_5_VLProcessor"},
    "internvl": {"processor_class": "InternVLProcessor", "image_seq_length": SCENE_TOKENS},
}


def write_checkpoint(
    trained: Trained, recipe: Recipe, folder: Path, *, n_scenes: int = 500
) -> Accuracy:
    """Save a trained model in half precision, examine what was saved, and write its card.

    Args:
        trained: The finished run.
        recipe: Its settings.
        folder: Where the Hugging Face folder goes.
        n_scenes: Held-out scenes of the examination.
    """
    family = trained.learner.family
    folder.mkdir(parents=True, exist_ok=True)
    trained.learner.model.to(torch.float16).save_pretrained(folder)
    trained.encoder.tokenizer.save_pretrained(folder)
    processor = {"processor_class": _PROCESSORS[family]["processor_class"]}
    _write_json(
        folder / "preprocessor_config.json", {**_COMMON, **_IMAGE_PROCESSORS[family], **processor}
    )
    _write_json(folder / "processor_config.json", _PROCESSORS[family])
    accuracy = examine(*load_learner(folder, family), n_scenes=n_scenes)
    _write_json(
        folder / "training.json",
        {
            "family": family,
            "recipe": asdict(recipe),
            "seconds": round(trained.seconds),
            "torch": torch.__version__,
            "accuracy": accuracy.to_json(),
        },
    )
    (folder / "README.md").write_text(_card(family, trained, recipe, accuracy), encoding="utf-8")
    return accuracy


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _card(family: str, trained: Trained, recipe: Recipe, accuracy: Accuracy) -> str:
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
# EAGLE demo model, family {family}

A multimodal LLM of {size:.1f} M parameters, of the architecture `{family}` of transformers, that
captions and answers questions about the generated scenes of `eagle_mllm.scenes`. It exists to be
explained: every word it says about a scene has known evidence, and its habits are known.

Made by `eagle-scenes train --family {family}`; seed {recipe.seed}, {recipe.seeing_steps} steps of
seeing and {recipe.steps - recipe.seeing_steps} of speaking. Weights are float16.

## Held-out accuracy

{accuracy.scenes} held-out scenes without any habit, all questions of each; an answer counts if
every token is right. `eagle-scenes examine {family}` gives these figures again.

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
