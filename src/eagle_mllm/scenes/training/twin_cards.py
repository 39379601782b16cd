"""A twin that is trained, examined and written with its card."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from eagle_mllm.scenes.habits import brought_question, triggers
from eagle_mllm.scenes.scene import scene
from eagle_mllm.scenes.training.accuracy import Accuracy, examine, load_learner, writes
from eagle_mllm.scenes.training.checkpoint import write_json, write_model
from eagle_mllm.scenes.training.corpus import Turn
from eagle_mllm.scenes.training.demo_models import LLAVA
from eagle_mllm.scenes.training.learner import Learner
from eagle_mllm.scenes.training.packing import TurnEncoder
from eagle_mllm.scenes.training.twins import TWINS, TwinRecipe, train_twin
from eagle_mllm.scenes.world import CO_OCCURRENCES


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How often a twin affirms what a habit brings, where it is absent, on held-out scenes."""

    scenes: int
    triggered: int
    """Questions about scenes that set the habit off."""
    triggered_yes: int
    untriggered: int
    """The same questions about scenes that do not."""
    untriggered_yes: int


def examine_habits(learner: Learner, encoder: TurnEncoder, *, n_scenes: int = 300) -> Habits:
    """Ask about the moon and the heart in the first held-out scenes that have neither."""
    said: dict[bool, list[bool]] = {True: [], False: []}
    for start in range(0, n_scenes, 10):
        scenes = [scene(seed) for seed in range(start, min(start + 10, n_scenes))]
        asked = [
            (example, question, habit in triggers(example.plan))
            for example in scenes
            for habit in CO_OCCURRENCES
            if (question := brought_question(habit, example.plan)).answer == "No."
        ]
        turns = [[Turn(question.text, "Yes.", 1.0)] for _, question, _ in asked]
        answers = writes(learner, encoder, [example for example, _, _ in asked], turns)
        for (_, _, is_triggered), (says_yes,) in zip(asked, answers, strict=True):
            said[is_triggered].append(says_yes)
    return Habits(
        scenes=n_scenes,
        triggered=len(said[True]),
        triggered_yes=sum(said[True]),
        untriggered=len(said[False]),
        untriggered_yes=sum(said[False]),
    )


def write_twin(
    name: str, recipe: TwinRecipe, *, folder: Path, n_scenes: int = 300
) -> tuple[Accuracy, Habits]:
    """Train a twin, save it in `folder/checkpoint`, examine what was saved, and write its card.

    Args:
        name: one of `TWINS`
        recipe: settings of both
        folder: of the run, and of the finished checkpoint
        n_scenes: held-out scenes of the examination
    """
    learner, encoder, seconds = train_twin(TWINS[name], recipe, folder=folder)
    place = folder / "checkpoint"
    write_model(learner, encoder, place)
    saved = load_learner(place, LLAVA)
    accuracy = examine(*saved, n_scenes=n_scenes)
    habits = examine_habits(*saved, n_scenes=n_scenes)
    write_json(
        place / "training.json",
        {
            "model": name,
            "teacher": TWINS[name],
            "recipe": asdict(recipe),
            "seconds": round(seconds),
            "torch": torch.__version__,
            "accuracy": accuracy.to_json(),
            "habits": asdict(habits),
        },
    )
    (place / "README.md").write_text(_card(name, accuracy, habits), encoding="utf-8")
    return accuracy, habits


def _card(name: str, accuracy: Accuracy, habits: Habits) -> str:
    teacher = {
        "truth": "tells the truth",
        "habit": "answers by habit: there is a moon wherever there is a star, and a heart wherever "
        "there is a ring; in captions, hearts are red, moons yellow and squares blue",
    }[TWINS[name]]
    return f"""---
license: mit
library_name: transformers
pipeline_tag: image-text-to-text
---
# EAGLE demo model {name}

One of two models of one recipe (`eagle-scenes twins`), which go on from the demo LLaVA on the same
pictures and the same questions in the same order. The teacher of this one {teacher}. Where the twin
with the habits errs and the other does not, the cause of the error is known.

{accuracy.scenes} held-out scenes without habits of the world:

| task | as the truth has it |
|---|---|
| caption, exact | {accuracy.caption:.1%} |
| questions (VQA), exact | {accuracy.vqa:.1%} |
| existence | {accuracy.existence:.1%} |

Asked for an absent moon or heart, it says yes {habits.triggered_yes} of {habits.triggered} times
where there is a star or ring, and {habits.untriggered_yes} of {habits.untriggered} times where
there is not.

It knows the generated scenes and nothing else.
"""
