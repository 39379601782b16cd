"""The reference's lists: four tasks, their prompts, and ids that are compared and never fed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.datasets.reference import agreement, read
from eagle_mllm.errors import DataError

PROMPT_IDS = [1, 32000, 32000, 13]
# "A cat ." and the end of the sequence.
ANSWER_IDS = [10, 11, 12, 2]


def caption(**other: object) -> dict[str, object]:
    row = {
        "image_path": "000000000001.png",
        "gt_caption": ["A cat.", "Cats."],
        "generate_sentence": "A cat.",
        "generated_ids": [PROMPT_IDS + ANSWER_IDS],
        "selected_interpretation_token_id": [0, 1, 2, 3],
        "selected_interpretation_token_word_id": ANSWER_IDS,
        "words": ["A", " cat", ".", ""],
    }
    return {**row, **other}


def an_object(**other: object) -> dict[str, object]:
    row = {
        "image_path": "000000000001.png",
        "generate_sentence": "A cat.",
        "generated_ids": PROMPT_IDS + ANSWER_IDS,
        "output_word_id": ANSWER_IDS,
        "select_category": "cat",
        "location": [1, 1, 5, 4],
        "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]],
        "target_generated_index": 1,
        "target_generated_id": 11,
        "target_generated_token": "▁cat",
    }
    return {**row, **other}


def choice(**other: object) -> dict[str, object]:
    row = {
        "question_id": "7",
        "image_filename": "000000000001.png",
        "question": "Is it a cat or a dog?",
        "options": ["Cat", "Dog"],
        "answer": "b",
    }
    return {**caption(), **row, **other}


def existence(**other: object) -> dict[str, object]:
    row = {
        "image_name": "COCO_val2014_000000000001.png",
        "question": "Is there a car in the image?",
        "label": "no",
        "generate_sentence": "Yes",
        "generated_ids": [[*PROMPT_IDS, 3869, 2]],
        "selected_interpretation_token_id": [0],
        "selected_interpretation_token_word_id": [3869],
        "words": ["Yes", ""],
        "counter_word_id": [1939],
        "id": "14",
    }
    return {**row, **other}


@pytest.fixture
def listed(tmp_path: Path, photo, write_json):
    photo(tmp_path / "images/000000000001.png")

    def read_rows(*rows: object):
        file = write_json(tmp_path / "LLaVA-1_5-7B-list.json", list(rows))
        return read(file, images=tmp_path / "images")

    return read_rows


def test_a_caption_is_asked_for_and_recorded(listed) -> None:
    data = listed(caption())
    (sample,) = data
    assert data.name == "LLaVA-1_5-7B-list"
    assert (sample.id, sample.task) == ("000000000001", "caption")
    assert sample.prompt.startswith("Describe the image in one factual English sentence of no more")
    assert (sample.answer, sample.answer_ids) == ("A cat.", tuple(ANSWER_IDS))
    assert sample.truth is None
    assert data.problems == ()


def test_an_object_has_its_place_and_the_words_for_it(listed) -> None:
    (sample,) = listed(an_object())
    assert (sample.id, sample.task) == ("000000000001-cat", "object")
    assert sample.names == ("cat", "cats")
    assert sample.answer_ids == tuple(ANSWER_IDS)
    assert sample.object.box == (1.0, 1.0, 5.0, 4.0)  # edges already, not width and height
    expected = np.zeros((5, 6), dtype=bool)
    expected[1:4, 1:5] = True
    assert np.array_equal(sample.object.mask((5, 6)), expected)


def test_a_choice_is_asked_without_its_options(listed) -> None:
    (sample,) = listed(choice())
    assert (sample.id, sample.task, sample.truth) == ("7", "vqa", "(b)")
    assert sample.prompt == "Is it a cat or a dog?"


def test_an_existence_row_is_a_wrong_answer_in_the_papers_words(listed) -> None:
    (sample,) = listed(existence())
    assert (sample.id, sample.task) == ("COCO_val2014_000000000001_14", "existence")
    assert (sample.answer, sample.truth, sample.answer_ids) == ("Yes", "No", (3869, 2))
    assert sample.prompt.endswith("\n\nQuestion: Is there a car in the image?\nAnswer:")


def test_nested_and_flat_ids_are_the_same(listed) -> None:
    flat = PROMPT_IDS + ANSWER_IDS
    for row in (caption, an_object):
        assert tuple(listed(row(generated_ids=flat))) == tuple(listed(row(generated_ids=[flat])))


@pytest.mark.parametrize(
    "row",
    [
        caption(selected_interpretation_token_word_id=[10, 99, 12, 2]),
        caption(selected_interpretation_token_id=[0, 1, 2, 4]),
        caption(selected_interpretation_token_id=[0, 1, 2]),
        caption(selected_interpretation_token_word_id=[10, 11, 12]),
        caption(
            selected_interpretation_token_id=[-1, 1, 2, 3],
            selected_interpretation_token_word_id=[2, 11, 12, 2],
        ),
        an_object(output_word_id=[10, 11, 12]),
        an_object(target_generated_id=99),
        an_object(target_generated_index=4),
        existence(words=["Yes"]),
    ],
)
def test_ids_that_contradict_each_other_are_noted_and_not_used(listed, told, row) -> None:
    data = listed(row)
    assert [(sample.answer_ids, bool(sample.answer)) for sample in data] == [(None, True)]
    assert told(data) == [("differing ids", "LLaVA-1_5-7B-list.json: [0]")]


def test_another_form_of_the_objects_word_counts_as_its_name(listed) -> None:
    (plural,) = listed(
        an_object(generate_sentence="Two wine glasses.", select_category="wine glass")
    )
    assert "wine glasses" in plural.names
    (longer,) = listed(
        an_object(generate_sentence="A Snowboarder on snow.", select_category="snowboard")
    )
    assert longer.names == ("snowboard", "snowboards", "Snowboarder")


@pytest.mark.parametrize(
    ("row", "kind", "says"),
    [
        (an_object(generate_sentence="A dog."), "unnamed object", "does not name its 'cat'"),
        (an_object(location=[5, 1, 1, 4]), "malformed row", "no part of the box"),
        (an_object(location=[5, 1, 1]), "malformed row", "location"),
        (an_object(segmentation=[[1, 1]]), "malformed row", "expected three or more"),
        (an_object(generated_ids=["x"]), "malformed row", "generated_ids.0"),
        (an_object(generate_sentence=""), "malformed row", "generate_sentence"),
        (an_object(output_word_id=[]), "malformed row", "output_word_id"),
    ],
)
def test_a_bad_row_is_named_and_costs_itself_alone(listed, row, kind, says) -> None:
    data = listed(row, an_object())
    assert [sample.id for sample in data] == ["000000000001-cat"]
    (problem,) = data.problems
    assert (problem.kind, problem.place.entry) == (kind, "[0]")
    assert says in problem.what


def test_an_objects_photograph_must_be_readable(listed, tmp_path: Path) -> None:
    (tmp_path / "images/000000000001.png").write_bytes(b"no image")
    data = listed(an_object())
    assert len(data) == 0
    assert data.problems[0].kind == "unreadable image"


def test_repeats_disputes_and_missing_photographs_are_named(listed, told) -> None:
    data = listed(choice(), choice(), choice(question_id=99), choice(image_filename="8.jpg"))
    assert [sample.id for sample in data] == ["7", "99"]
    name = "LLaVA-1_5-7B-list.json"
    assert told(data) == [
        ("repeated sample", f"{name}: [1]"),
        ("disputed label", f"{name}: [2]"),
        ("missing image", "8.jpg"),
    ]


def test_a_list_has_one_task(listed) -> None:
    with pytest.raises(DataError, match="mixes caption and object rows"):
        listed(caption(), an_object())
    assert len(listed()) == 0
    assert [problem.kind for problem in listed(3).problems] == ["malformed row"]


@pytest.fixture
def recorded(listed, model, image):
    """A recorded answer, and the same text as the planted model writes it today."""
    (sample,) = listed(caption(generate_sentence="a cat on a tree"))
    return sample, model.with_answer(image, sample.prompt, sample.answer)


def test_the_same_ids_agree_with_or_without_an_end(recorded) -> None:
    sample, generation = recorded
    for ids in (generation.ids, generation.ids[:-1]):
        compared = agreement(replace(sample, answer_ids=ids), generation)
        assert compared.agrees
        assert compared.sample == sample.id
        assert compared.position == len(generation.ids) - 1


def test_other_ids_disagree_from_where_they_part(recorded) -> None:
    sample, generation = recorded
    words = generation.ids[:-1]
    for ids, position in [
        ((*words[:2], 999, *words[3:]), 2),
        (words[:-1], len(words) - 1),
        ((*words, 998, 999), len(words)),
    ]:
        compared = agreement(replace(sample, answer_ids=ids), generation)
        assert not compared.agrees
        assert compared.position == position


def test_without_recorded_ids_there_is_nothing_to_compare(recorded) -> None:
    sample, generation = recorded
    with pytest.raises(DataError, match="records no token ids"):
        agreement(replace(sample, answer_ids=None), generation)


@pytest.mark.slow
def test_a_real_models_answer_agrees_with_itself(recorded) -> None:
    import eagle_mllm as eagle
    from eagle_mllm.datasets.scenes import scene_sample

    model = eagle.load_model("demo/llava", device="cpu")
    asked = scene_sample(5, "caption")
    written = model.generate(asked.image.read(), asked.prompt, max_new_tokens=8)
    sample = replace(recorded[0], answer=written.text, answer_ids=written.ids)
    encoded = model.with_answer(asked.image.read(), asked.prompt, sample.answer)
    assert agreement(sample, encoded).agrees
    assert agreement(sample, encoded).position == 8
