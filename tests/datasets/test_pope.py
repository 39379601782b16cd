"""POPE and RePOPE: JSON Lines, whatever the file is called."""

import json
from pathlib import Path

import pytest

from eagle_mllm.datasets.pope import read
from eagle_mllm.errors import SettingError

IMAGE = "COCO_val2014_000000000001.jpg"


def _row(number: int, thing: str = "cat", label: str = "yes", **other: object) -> str:
    text = f"Is there a {thing} in the image?"
    row = {"question_id": number, "image": IMAGE, "text": text, "label": label}
    return json.dumps({**row, **other})


@pytest.fixture
def write(tmp_path: Path, photo):
    photo(tmp_path / "val2014" / IMAGE)

    def write(*lines: str) -> Path:
        file = tmp_path / "annotations/coco_repope_random.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(lines), encoding="utf-8")  # the last line has no end, as theirs
        return file

    return write


def test_each_line_is_a_question_with_the_papers_words(write) -> None:
    data = read(write(_row(1), _row(2, "wine glass", "no")))
    assert data.name == "coco_repope_random"
    assert data.counts == {"yes": 1, "no": 1}
    assert [(sample.id, sample.truth, sample.task) for sample in data] == [
        ("COCO_val2014_000000000001-is-there-a-cat-in-the-image", "Yes", "existence"),
        ("COCO_val2014_000000000001-is-there-a-wine-glass-in-the-image", "No", "existence"),
    ]
    assert data[0].prompt == (
        "You are asked a visual question answering task. \n"
        'First, answer strictly with "Yes" or "No". \n'
        "Then, provide a short explanation if necessary.\n\n"
        "Question: Is there a cat in the image?\nAnswer:"
    )
    assert data.problems == ()


def test_question_ids_do_not_matter(write) -> None:
    with_gaps = read(write(_row(5), _row(3000, "dog")))
    from_zero = read(write(_row(0, image_id=1), _row(0, "dog")))
    assert tuple(with_gaps) == tuple(from_zero)


def test_the_plain_question_can_be_asked(write) -> None:
    file = write(_row(1))
    assert read(file, prompt="{question}")[0].prompt == "Is there a cat in the image?"
    with pytest.raises(SettingError, match="no place for the question"):
        read(file, prompt="Yes or no?")


def test_blank_lines_and_a_byte_order_mark_are_no_problem(write) -> None:
    data = read(write("\ufeff" + _row(1), "", _row(2, "dog"), "  "))
    assert (len(data), data.problems) == (2, ())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("3", "dictionary"),
        (_row(2, label="maybe"), "label: Input should be 'yes' or 'no'"),
        (_row(2, image=None), "image"),
        (_row(2, text=""), "text"),
    ],
    ids=lambda value: value[:12],
)
def test_a_bad_line_is_named_and_costs_itself_alone(write, line, says) -> None:
    data = read(write(_row(1), line, _row(3, "dog")))
    assert len(data) == 2
    (problem,) = data.problems
    assert (problem.kind, problem.place.line) == ("malformed row", 2)
    assert says in problem.what


def test_a_line_that_is_not_utf8_is_named(write) -> None:
    file = write(_row(1), _row(2, "dog"))
    file.write_bytes(file.read_bytes().replace(b"dog", b"\xff\xfe"))
    data = read(file)
    assert len(data) == 1
    assert data.problems[0].place.line == 2


def test_a_repeated_question_is_named(write, told) -> None:
    data = read(write(_row(1), _row(2), _row(3, image="COCO_val2014_000000000002.jpg")))
    assert len(data) == 1
    assert told(data) == [
        ("repeated sample", "coco_repope_random.json:2"),
        ("missing image", "COCO_val2014_000000000002.jpg"),
    ]


def test_photographs_are_found_under_their_name_of_2017(write, photo, tmp_path: Path) -> None:
    file = write(_row(1))
    photo(tmp_path / "newer/000000000001.jpg")
    data = read(file, images=tmp_path / "newer")
    assert data[0].image.name == "000000000001.jpg"
    assert data[0].id.startswith("COCO_val2014_000000000001-")


def test_an_empty_list_is_empty(write) -> None:
    data = read(write(""))
    assert (len(data), data.problems, data.counts) == (0, (), {"yes": 0, "no": 0})
