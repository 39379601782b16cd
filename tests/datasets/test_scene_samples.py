"""Scenes as samples say what the scenes say."""

import pickle
from collections import Counter

import numpy as np
import pytest

from eagle_mllm.datasets.scenes import read, scene_sample
from eagle_mllm.errors import SettingError
from eagle_mllm.scenes import scene

TASKS = ("caption", "object", "vqa", "existence")


@pytest.mark.parametrize("task", TASKS)
def test_samples_are_those_of_consecutive_held_out_scenes(task) -> None:
    data = read(task=task, count=4, first=7)
    assert (data.name, len(data), data.problems) == (f"scenes-{task}", 4, ())
    assert [sample.id for sample in data] == [f"scene-{seed:06d}" for seed in range(7, 11)]
    for seed, sample in zip(range(7, 11), data, strict=True):
        assert sample == scene_sample(seed, task)
        assert sample.task == task
        assert sample.scene.scene() == scene(seed)
        assert np.array_equal(sample.image.read(), np.asarray(scene(seed).image))
        assert sample.answer is None


def test_a_caption_sample_has_the_true_caption() -> None:
    for sample in read(count=20):
        assert sample.truth == sample.scene.scene().caption
        assert sample.prompt == "Describe the image."


def test_a_seed_asks_the_same_for_ever() -> None:
    assert scene_sample(5, "object").names == ("circle", "circles")
    assert scene_sample(5, "vqa").prompt == "Where is the cross?"
    assert scene_sample(5, "existence").prompt == "Is there an orange cross in the image?"


def test_an_object_sample_is_about_one_object_of_the_caption() -> None:
    chosen = Counter()
    for sample in read(task="object", count=40):
        example = sample.scene.scene()
        (thing,) = (one for one in example.objects if one.shape == sample.names[0])
        assert sample.object.box == thing.box
        assert np.array_equal(sample.object.mask((224, 224)), thing.mask)
        assert sample.names[0] in example.caption.rstrip(".").split()
        assert (sample.prompt, sample.truth) == ("Describe the image.", example.caption)
        chosen[example.objects.index(thing)] += 1
    assert len(chosen) >= 3  # not always the first one


@pytest.mark.parametrize("task", ["vqa", "existence"])
def test_a_question_is_one_of_the_scenes_and_its_object_the_one_asked_about(task) -> None:
    for sample in read(task=task, count=30):
        example = sample.scene.scene()
        truths = (sample.truth, f"{sample.truth}.")
        (question,) = {
            (one.objects, one.kind)
            for one in example.questions
            if one.text == sample.prompt and one.answer in truths
        }
        objects, kind = question
        assert (kind == "existence") == (task == "existence")
        assert (sample.object is not None) == (len(objects) == 1)
        if sample.object is not None:
            assert sample.object.box == example.objects[objects[0]].box


def test_existence_asks_for_what_is_there_and_what_is_not_equally_often() -> None:
    truths = Counter(sample.truth for sample in read(task="existence", count=100))
    assert set(truths) == {"Yes", "No"}
    assert 35 <= truths["Yes"] <= 65


def test_every_kind_of_question_is_asked() -> None:
    prompts = [sample.prompt for sample in read(task="vqa", count=100)]
    for beginning in ("What color", "What shape", "Is the", "How many", "Where is"):
        assert sum(prompt.startswith(beginning) for prompt in prompts) >= 8


def test_a_data_set_of_scenes_is_cheap_travels_and_can_be_cut() -> None:
    data = read(task="object", count=1000)
    assert len(pickle.dumps(data)) < 1000  # seeds, not samples
    assert pickle.loads(pickle.dumps(data))[999] == data[999] == data[-1]
    assert data[10:12] == (data[10], data[11])
    with pytest.raises(IndexError):
        data[1000]


def test_the_fingerprint_tells_seeds_tasks_and_numbers_apart() -> None:
    settings = [{"first": 0}, {"first": 1}, {"count": 9}, *({"task": task} for task in TASKS[1:])]
    prints = [read(**{"count": 10, **setting}).fingerprint for setting in settings]
    assert len(set(prints)) == len(settings)
    assert read(count=10).fingerprint == prints[0]


def test_known_words_are_those_of_the_scene(image) -> None:
    from eagle_mllm.testing import PlantedModel

    sample = scene_sample(5, "caption")
    said = sample.truth.rstrip(".")
    generation = PlantedModel(said, {}).generate(image, sample.prompt)
    known = sample.scene.known_words(generation)
    assert [one.word.text for one in known] == said.split()
    assert [one.truth for one in known] == list(scene(5).caption_words)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"count": 0}, "count is 0"), ({"first": -1}, "first -1"), ({"count": -5}, "count is -5")],
)
def test_impossible_numbers_are_refused(settings, says) -> None:
    with pytest.raises(SettingError, match=says):
        read(**settings)


def test_an_unknown_task_is_refused(as_users_run_it) -> None:
    with pytest.raises(SettingError, match="choose one of caption, object, vqa, existence"):
        read(task="captions")
