"""The shipped models: what their cards promise holds, and their words stand on the objects."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import eagle_mllm as eagle
from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.loading import CHECKPOINTS, DEMO_TITLES, DEMOS, TWINS
from eagle_mllm.scenes.cli import app
from eagle_mllm.scenes.evidence import known_words
from eagle_mllm.scenes.language import CAPTION_PROMPT
from eagle_mllm.scenes.training.accuracy import examine, load_learner
from eagle_mllm.scenes.training.demo_models import DEMO_MODELS


@cache
def demo_model(name: str) -> Any:
    return eagle.load_model(f"demo/{name}", device="cpu")


def stored(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CHECKPOINTS / name / "training.json").read_text())
    return content


@pytest.mark.parametrize("name", DEMO_MODELS)
def test_a_checkpoint_is_small_and_has_a_card(name: str) -> None:
    folder = CHECKPOINTS / name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8 * 2**20
    card = (folder / "README.md").read_text()
    assert f"seed {stored(name)['recipe']['seed']}" in card
    assert f"| caption, exact | {stored(name)['accuracy']['caption']:.1%} |" in card


@pytest.mark.parametrize("name", DEMO_MODELS)
def test_the_stored_recipe_is_the_one_that_training_uses(name: str) -> None:
    assert stored(name)["recipe"] == asdict(DEMO_MODELS[name].recipe)


@pytest.mark.parametrize("name", DEMO_MODELS)
def test_the_accuracy_on_the_card_reaches_what_was_asked(name: str) -> None:
    accuracy = stored(name)["accuracy"]
    assert accuracy["scenes"] == 500
    assert accuracy["caption"] >= 0.85
    assert accuracy["vqa"] >= 0.93
    assert accuracy["existence"] >= 0.88
    assert accuracy["existence_questions"] == 4000
    assert min(accuracy["wrong_yes"], accuracy["wrong_no"]) >= 40


@pytest.mark.parametrize("name", DEMO_MODELS)
def test_an_examination_here_agrees_with_the_card(name: str) -> None:
    here = examine(*load_learner(CHECKPOINTS / name, DEMO_MODELS[name]), n_scenes=40)
    accuracy = stored(name)["accuracy"]
    # 40 scenes against 500: three standard errors apart at most.
    assert abs(here.caption - accuracy["caption"]) < 0.17
    assert abs(here.vqa - accuracy["vqa"]) < 0.04
    assert abs(here.existence - accuracy["existence"]) < 0.06


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", DEMO_MODELS)
def test_the_whole_examination_gives_the_figures_of_the_card(name: str) -> None:
    here = examine(*load_learner(CHECKPOINTS / name, DEMO_MODELS[name])).to_json()
    accuracy = stored(name)["accuracy"]
    for task in ("caption", "vqa", "existence"):
        # Another processor rounds otherwise; an answer or two may tip.
        assert here[task] == pytest.approx(accuracy[task], abs=0.005)


@pytest.mark.parametrize("name", DEMO_MODELS)
def test_what_is_generated_is_what_was_examined(name: str) -> None:
    model = demo_model(name)
    captions, answers = [], []
    for seed in range(12):
        example = eagle.scenes.scene(seed)
        captions.append(model.generate(example.image, CAPTION_PROMPT).text == example.caption)
        question = example.questions[-1 - seed % 8]
        answers.append(model.generate(example.image, question.text).text == question.answer)
    assert np.mean(captions) >= 0.75
    assert np.mean(answers) >= 0.75


@pytest.mark.timeout(600)
@pytest.mark.parametrize("n_scenes", [5, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", DEMO_MODELS)
def test_the_map_of_an_object_word_has_its_maximum_inside_the_object(
    name: str, n_scenes: int
) -> None:
    model = demo_model(name)
    hits = []
    for seed in range(n_scenes):
        example = eagle.scenes.scene(seed)
        generation = model.with_answer(example.image, CAPTION_PROMPT, example.caption)
        shapes = [word for word in example.caption_words if word.kind == "shape"]
        chosen = shapes[seed % len(shapes)]
        regions = eagle.segment(example.image)
        scorer = model.scorer(generation, generation.find(chosen.text), regions)
        evaluate = SubsetEvaluator(scorer, len(regions))
        # The maximum of a map is the first region picked: no need to search on.
        first = eagle.GreedySearch(max_regions=1).rank(regions.layout, evaluate, eagle.Objective())
        peak = regions.mask([first.order[0]]).astype(np.float32)
        hits.append(eagle.metrics.pointing_game(peak, example.objects[chosen.objects[0]].mask))
    assert np.mean(hits) >= 0.8


@pytest.mark.timeout(600)
@pytest.mark.parametrize("n_scenes", [3, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", DEMO_MODELS)
def test_words_that_need_eyes_score_higher_evidence_than_function_words(
    name: str, n_scenes: int
) -> None:
    model = demo_model(name)
    evidence: list[float] = []
    labels: list[bool] = []
    for seed in range(n_scenes):
        example = eagle.scenes.scene(seed)
        generation = model.with_answer(example.image, CAPTION_PROMPT, example.caption)
        attribution = eagle.attribute(
            model,
            generation,
            generation.all(),
            n_regions=36,
            method=eagle.Eagle(search=eagle.GreedySearch(max_regions=1)),
        )
        scores = attribution.reliance.evidence
        for item in known_words(example, generation):
            evidence.append(float(np.mean(scores[list(item.word.tokens)])))
            labels.append(item.truth.is_evidence)
    assert eagle.metrics.evidence_auroc(np.array(evidence), np.array(labels)) >= 0.8


def test_the_light_list_of_names_is_that_of_the_table() -> None:
    assert list(DEMO_TITLES) == list(DEMO_MODELS)
    assert all(demo.name == name for name, demo in DEMO_MODELS.items())
    assert set(DEMOS.values()) == {*DEMO_MODELS, *TWINS}


@pytest.mark.parametrize("command", ["train", "examine"])
def test_an_unknown_demo_model_is_refused_with_a_suggestion(command: str) -> None:
    given = [command, "llva", *(["--out", "nowhere"] if command == "train" else [])]
    told = CliRunner().invoke(app, given)
    assert told.exit_code == 2
    assert "did you mean 'llava'?" in told.output


def test_the_folders_are_ordinary_checkpoints() -> None:
    from transformers import AutoConfig, AutoModelForImageTextToText

    for name in DEMO_MODELS:
        config = AutoConfig.from_pretrained(CHECKPOINTS / name)
        assert config.model_type == name
        model = AutoModelForImageTextToText.from_pretrained(CHECKPOINTS / name)
        assert str(model.dtype) == "torch.float16"
        assert 1e6 <= sum(weight.numel() for weight in model.parameters()) <= 6e6
        assert Path(CHECKPOINTS / name / "chat_template.jinja").exists()
