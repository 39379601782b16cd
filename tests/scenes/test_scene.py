"""The generated world is deterministic, and everything it says of itself is true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagle_mllm.scenes import Scene, scene, scene_pair
from eagle_mllm.scenes.world import CO_OCCURRENCES, COLOUR_HABITS, COLUMNS, ROWS, SHAPES, SIDE

seeds = st.integers(0, 10_000)


def test_a_seed_gives_the_same_scene_for_ever() -> None:
    once, again = scene(5), scene(5)
    assert once.caption == (
        "A large green circle above a large orange triangle left of a large red cross."
    )
    assert again.caption == once.caption
    assert np.array_equal(np.asarray(once.image), np.asarray(again.image))
    assert once.questions == again.questions


def test_training_and_held_out_scenes_are_unrelated() -> None:
    same = [scene(seed).caption == scene(seed, split="train").caption for seed in range(200)]
    assert sum(same) < 10


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_boxes_are_tight_and_masks_do_not_overlap(seed: int) -> None:
    example = scene(seed)
    covered = np.zeros((SIDE, SIDE), int)
    for thing in example.objects:
        left, top, right, bottom = thing.box
        assert thing.mask[top:bottom, left:right].sum() == thing.mask.sum() > 100
        borders = (thing.mask[top], thing.mask[bottom - 1], *thing.mask.T[[left, right - 1]])
        assert all(border.any() for border in borders)
        covered += thing.mask
    assert covered.max() <= 1


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_an_object_has_its_colour_and_its_size(seed: int) -> None:
    from eagle_mllm.scenes.world import COLOURS

    example = scene(seed)
    pixels = np.asarray(example.image).astype(float)
    for thing in example.objects:
        seen = pixels[thing.mask].mean(axis=0)
        distance = {name: np.abs(seen - rgb).sum() for name, rgb in COLOURS.items()}
        assert min(distance, key=distance.__getitem__) == thing.colour
        left, top, right, bottom = thing.box
        assert (max(right - left, bottom - top) > 48) == (thing.size == "large")


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_caption_words_stand_where_they_say_and_name_their_objects(seed: int) -> None:
    example = scene(seed)
    for word in example.caption_words:
        assert example.caption[word.start : word.stop] == word.text
        if word.kind in ("size", "colour", "shape"):
            assert getattr(example.objects[word.objects[0]], word.kind) == word.text
        assert word.is_evidence == bool(word.objects)
    assert example.caption == " ".join(word.text for word in example.caption_words) + "."


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_relations_hold_between_the_masks(seed: int) -> None:
    example = scene(seed)
    centers = [np.argwhere(thing.mask).mean(axis=0) for thing in example.objects]
    for word in example.caption_words:
        if word.kind == "relation":
            first, second = (centers[index] for index in word.objects)
            axis = 0 if word.text == "above" else 1
            assert first[axis] < second[axis]


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_answers_are_true(seed: int) -> None:
    example = scene(seed)
    for question in example.questions:
        _assert_true(example, question.text, question.answer)


def _assert_true(example: Scene, text: str, answer: str) -> None:
    by_shape = {thing.shape: thing for thing in example.objects}
    words = answer.rstrip(".").split()
    asked = text.rstrip("?").split()
    if text.startswith("What color"):
        assert by_shape[asked[-1]].colour == words[-1]
    elif text.startswith("What shape"):
        assert [thing.shape for thing in example.objects if thing.colour == asked[4]] == [words[-1]]
    elif text.endswith("large or small?"):
        assert by_shape[asked[2]].size == words[-1]
    elif text.startswith("How many"):
        names = {"one": 1, "two": 2, "three": 3, "four": 4}
        assert names[words[2]] == len(example.objects)
    elif text.startswith("Where"):
        rows, columns = np.nonzero(by_shape[asked[-1]].mask)
        row = ROWS[int(rows.mean() // (SIDE / 3))]
        assert words[-2:] == [row, COLUMNS[int(columns.mean() // (SIDE / 3))]]
    else:
        thing = " ".join(asked[3:-3])
        there = {thing.shape for thing in example.objects}
        there |= {f"{thing.colour} {thing.shape}" for thing in example.objects}
        assert (thing in there) == (answer == "Yes.")


def test_each_scene_asks_about_four_present_and_four_absent_things() -> None:
    asked = [question for question in scene(3).questions if question.kind == "existence"]
    assert [question.answer for question in asked] == ["Yes."] * 4 + ["No."] * 4
    assert [question.negatives for question in asked[4:]] == [
        "random",
        "popular",
        "adversarial",
        "adversarial",
    ]


@pytest.mark.parametrize("habit", CO_OCCURRENCES, ids=lambda habit: habit.name)
def test_co_occurrences_hold_in_biased_scenes_only(habit: object) -> None:
    share = {
        biased: np.mean(
            [
                habit.brings in shapes
                for shapes in _shapes(biased=biased)
                if habit.given in shapes and len(shapes) > 1
            ]
        )
        for biased in (True, False)
    }
    assert share[True] > 0.7
    assert share[False] < 0.45


@pytest.mark.parametrize("habit", COLOUR_HABITS, ids=lambda habit: habit.name)
def test_colour_habits_hold_in_biased_scenes_only(habit: object) -> None:
    for biased, least, most in ((True, 0.65, 0.82), (False, 0.05, 0.22)):
        colours = [
            planned.colour
            for seed in range(600)
            for planned in scene(seed, biased=biased).plan.objects
            if planned.shape == habit.shape
        ]
        assert least < np.mean([colour == habit.colour for colour in colours]) < most


def _shapes(*, biased: bool) -> list[set[str]]:
    return [
        {planned.shape for planned in scene(seed, biased=biased).plan.objects}
        for seed in range(600)
    ]


def test_shapes_are_even_without_habits() -> None:
    shapes = [shape for there in _shapes(biased=False) for shape in there]
    shares = [shapes.count(shape) / len(shapes) for shape in SHAPES]
    assert max(shares) < 1.35 * min(shares)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_a_pair_differs_in_one_object_and_one_fact(seed: int) -> None:
    pair = scene_pair(seed)
    changed = [
        (first, second)
        for first, second in zip(pair.first.objects, pair.second.objects, strict=True)
        if first != second
    ]
    assert len(changed) == 1
    facts = ("shape", "colour", "size")
    differing = [
        fact for fact in facts if getattr(changed[0][0], fact) != getattr(changed[0][1], fact)
    ]
    assert differing == [pair.kind]
    first, second = pair.questions
    assert first.answer != second.answer
    if pair.kind != "shape":
        assert first.text == second.text
