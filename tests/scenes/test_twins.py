"""The twins: one recipe, two teachers, and a known cause for each error of one of them."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from eagle_mllm.loading import CHECKPOINTS, TWINS
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.habits import brought_question, habit_caption, planted_cause, triggers
from eagle_mllm.scenes.training import twins
from eagle_mllm.scenes.training.twins import TwinRecipe, train_twin, twin_turns
from eagle_mllm.scenes.world import CO_OCCURRENCES


def scenes_that_trigger(number=20):
    return [one for one in map(scene, range(100)) if triggers(one.plan)][:number]


def test_the_cause_of_an_error_is_the_object_that_sets_the_habit_off():
    for example in scenes_that_trigger():
        for habit in triggers(example.plan):
            cause = planted_cause(brought_question(habit, example.plan), example.plan)
            assert example.objects[cause.trigger].shape == habit.given
            assert habit.brings not in {one.shape for one in example.objects}


def test_a_teacher_with_habits_tells_the_truth_where_nothing_sets_them_off():
    for example in map(scene, range(40)):
        for habit in CO_OCCURRENCES:
            question = brought_question(habit, example.plan)
            is_wrong = planted_cause(question, example.plan) is not None
            assert is_wrong == (habit in triggers(example.plan))


def test_both_teachers_are_asked_the_same_and_differ_where_a_habit_speaks():
    differences = 0
    for seed in range(60):
        plan = scene(seed, split="train", biased=False).plan
        told, habit = (
            twin_turns(plan, np.random.default_rng(seed), teacher=teacher)
            for teacher in ("truth", "habit")
        )
        assert [turn.prompt for turn in told] == [turn.prompt for turn in habit]
        assert habit[0].answer == habit_caption(plan)
        others = [pair for pair in zip(told[1:], habit[1:], strict=True) if pair[0] != pair[1]]
        assert all(
            (true.answer, said.answer) == ("No.", "Yes.") and len(triggers(plan)) > 0
            for true, said in others
        )
        differences += len(others)
    assert differences > 0


def test_the_captions_of_habit_change_colours_only():
    example = next(one for one in map(scene, range(100)) if "heart" in one.caption)
    shapes = [word for word in habit_caption(example.plan).split() if word.strip(".") != ""]
    assert len(shapes) == len(example.caption.split())
    assert "red heart" in habit_caption(example.plan)


@pytest.mark.parametrize("name", TWINS)
def test_the_card_tells_what_the_shipped_twin_does(name):
    folder = CHECKPOINTS / name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8 * 2**20
    stored = json.loads((folder / "training.json").read_text())
    assert stored["recipe"] == asdict(TwinRecipe())
    habits = stored["habits"]
    told = f"{habits['triggered_yes']} of {habits['triggered']} times"
    assert told in (folder / "README.md").read_text()
    share = habits["triggered_yes"] / habits["triggered"]
    assert share > 0.9 if name == "llava-habit" else share < 0.1


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(twins, "_SAVE_EVERY", 1)
    recipe = TwinRecipe(steps=2, batch=2, warmup=1)
    whole, _, _ = train_twin("habit", recipe, folder=tmp_path / "whole")
    step, done = twins._step, []

    def once(*arguments, **options):
        if done:
            raise KeyboardInterrupt
        done.append(True)
        return step(*arguments, **options)

    monkeypatch.setattr(twins, "_step", once)
    with pytest.raises(KeyboardInterrupt):
        train_twin("habit", recipe, folder=tmp_path / "cut")
    monkeypatch.setattr(twins, "_step", step)
    cut, _, _ = train_twin("habit", recipe, folder=tmp_path / "cut")
    for one, other in zip(whole.parameters(), cut.parameters(), strict=True):
        assert one.equal(other)
    from eagle_mllm.errors import ModelError

    with pytest.raises(ModelError, match="another recipe"):
        train_twin("habit", replace(recipe, seed=1), folder=tmp_path / "cut")
