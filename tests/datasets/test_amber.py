"""AMBER: questions in one list, truths in another."""

from pathlib import Path

import pytest

from eagle_mllm.datasets.amber import read
from eagle_mllm.errors import DataError, SettingError

QUERIES = [
    {"id": 1, "image": "AMBER_1.jpg", "query": "Describe this image."},
    {"id": 1005, "image": "AMBER_1.jpg", "query": "Is the sky sunny in this image?"},
    {"id": 1006, "image": "AMBER_1.jpg", "query": "Is there a dog in this image?"},
]
TRUTHS = [
    {"id": 1, "type": "generative", "truth": ["sky"], "hallu": ["dog"]},
    {"id": 1005, "type": "discriminative-attribute-state", "truth": "yes"},
    {"id": 1006, "type": "discriminative-hallucination", "truth": "no"},
]


@pytest.fixture
def written(tmp_path: Path, photo, write_json):
    photo(tmp_path / "image/AMBER_1.jpg")

    def write(queries=QUERIES, truths=TRUTHS) -> Path:
        write_json(tmp_path / "data/annotations.json", truths)
        return write_json(tmp_path / "data/query/query_discriminative.json", queries)

    return write


def test_questions_and_truths_are_joined_by_id(written) -> None:
    data = read(written(), prompt="{question}")
    assert data.counts == {"yes": 1, "no": 1, "generative": 1}
    assert [(one.id, one.truth, one.task, one.prompt) for one in data] == [
        ("AMBER_1-is-the-sky-sunny-in-this-image", "Yes", "existence", QUERIES[1]["query"]),
        ("AMBER_1-is-there-a-dog-in-this-image", "No", "existence", QUERIES[2]["query"]),
    ]
    assert data.problems == ()
    assert read(written())[0].prompt.startswith("You are asked a visual question answering task.")


def test_another_truth_is_another_data_set(written) -> None:
    first = read(written()).fingerprint
    turned = [*TRUTHS[:2], {**TRUTHS[2], "truth": "yes"}]
    assert read(written(truths=turned)).fingerprint != first


@pytest.mark.parametrize(
    ("queries", "truths", "says"),
    [
        ([*QUERIES, {"id": 9, "image": "AMBER_1.jpg", "query": "?"}], TRUTHS, "no truth under"),
        (QUERIES, [*TRUTHS, {"id": 7, "type": "d", "truth": "maybe"}], "truth: Input should be"),
        (QUERIES, [*TRUTHS, {"id": [7], "type": "d"}], "id: Input should be a valid integer"),
        ([*QUERIES, {"id": 1005, "query": "?"}], TRUTHS, "image: Field required"),
        ([*QUERIES, 3], TRUTHS, "valid dictionary"),
    ],
)
def test_a_bad_row_is_named_and_costs_itself_alone(written, queries, truths, says) -> None:
    data = read(written(queries, truths))
    assert len(data) == 2
    (problem,) = data.problems
    assert says in problem.what


def test_without_truths_nothing_is_read(written, tmp_path) -> None:
    file = written()
    (tmp_path / "data/annotations.json").rename(tmp_path / "truths.json")
    with pytest.raises(DataError, match=r"another file, annotations\.json.*give it"):
        read(file)
    assert len(read(file, annotations=tmp_path / "truths.json")) == 2
    with pytest.raises(DataError, match="holds no truths"):
        read(written(truths=[]))
    with pytest.raises(SettingError, match="no place for the question"):
        read(file, prompt="Yes or no?")
