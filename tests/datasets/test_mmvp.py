"""MMVP in both public layouts."""

from pathlib import Path

import pytest

from eagle_mllm.datasets.mmvp import read
from eagle_mllm.errors import DataError, SettingError

HEADER = "Index,Question,Options,Correct Answer"
ROWS = [
    '1,Are the wings open?,"(a) Open (b) Closed",(a)',
    '2,"Are the wings, as seen, open?",(a) Open (b) Closed,(b)',
]


@pytest.fixture
def folder(tmp_path: Path, photo) -> Path:
    for name in ("1.jpg", "2.jpg", "99.jpg"):
        photo(tmp_path / "MMVP Images" / name)
    return tmp_path


def _csv(folder: Path, *lines: str, header: str = HEADER, newline: str = "\n") -> Path:
    (folder / "Questions.csv").write_bytes(newline.join([header, *lines, ""]).encode())
    return folder


def _question(number: int, **other: object) -> dict[str, object]:
    row = {
        "question_id": str(number),
        "image_filename": f"{number}.jpg",
        "answer": "ab"[number % 2],
    }
    return {**row, "question": "Are the wings open?", "options": ["Open", "Closed"], **other}


@pytest.mark.parametrize("header", [HEADER, HEADER.replace("Index", "lndex"), "\ufeff" + HEADER])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_csv_layout_asks_question_and_options(folder, header, newline) -> None:
    data = read(_csv(folder, *ROWS, header=header, newline=newline))
    assert [(sample.id, sample.truth, sample.task) for sample in data] == [
        ("1", "(a)", "vqa"),
        ("2", "(b)", "vqa"),
    ]
    assert [sample.prompt for sample in data] == [
        "Are the wings open? (a) Open (b) Closed",
        "Are the wings, as seen, open? (a) Open (b) Closed",
    ]
    assert data[1].image.path == folder / "MMVP Images/2.jpg"
    assert data.counts == {"questions": 2}
    assert data.problems == ()


def test_the_json_layout_gives_the_same_samples(folder, write_json) -> None:
    by_csv = read(_csv(folder, *(row.replace(", as seen,", "").replace('"', "") for row in ROWS)))
    rows = [_question(1, answer="a"), _question(2, answer="b")]
    by_json = read(write_json(folder / "questions.json", rows))
    assert tuple(by_json) == tuple(by_csv)
    assert by_json.fingerprint != by_csv.fingerprint


def test_a_disputed_answer_is_noted_and_left_as_it_is(folder, write_json, told) -> None:
    data = read(write_json(folder / "questions.json", [_question(1), _question(99, answer="a")]))
    assert [(sample.id, sample.truth) for sample in data][1] == ("99", "(a)")
    assert told(data) == [("disputed label", "questions.json: [1]")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x,Q?,(a) A (b) B,(a)", "Index: Input should be a valid integer"),
        ("0,Q?,(a) A (b) B,(a)", "Index: Input should be greater than 0"),
        ("1,,(a) A (b) B,(a)", "Question"),
        ("1,Q?,(a) A (b) B,a", "Correct Answer"),
        ("1,Q?", "Options"),
    ],
)
def test_a_bad_line_is_named_and_costs_itself_alone(folder, line, says) -> None:
    data = read(_csv(folder, ROWS[0], line, ROWS[1]))
    assert [sample.id for sample in data] == ["1", "2"]
    (problem,) = data.problems
    assert (problem.kind, problem.place.line) == ("malformed row", 3)
    assert says in problem.what


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (3, "dictionary"),
        ({"answer": "c)"}, "answer"),
        ({"options": ["Open"]}, "options"),
        ({"options": "Open"}, "options"),
        ({"image_filename": ""}, "image_filename"),
    ],
    ids=str,
)
def test_a_bad_entry_is_named_and_costs_itself_alone(folder, write_json, row, says) -> None:
    bad = {**_question(2), **row} if isinstance(row, dict) else row
    data = read(write_json(folder / "questions.json", [bad, _question(1)]))
    assert [sample.id for sample in data] == ["1"]
    (problem,) = data.problems
    assert (problem.kind, problem.place.entry) == ("malformed row", "[0]")
    assert says in problem.what


def test_repeated_questions_and_missing_photographs_are_named(folder, write_json, told) -> None:
    rows = [_question(1), _question(1), _question(7)]
    data = read(write_json(folder / "questions.json", rows))
    assert [sample.id for sample in data] == ["1"]
    assert told(data) == [("repeated sample", "questions.json: [1]"), ("missing image", "7.jpg")]


def test_another_prompt_keeps_its_braces(folder) -> None:
    prompt = 'Answer {"answer": ...}: {question}'
    data = read(_csv(folder, ROWS[0]), prompt=prompt)
    assert data[0].prompt == 'Answer {"answer": ...}: Are the wings open?'
    with pytest.raises(SettingError, match=r"write \{question\} in it"):
        read(folder, prompt="Which one?")


def test_what_is_no_list_of_questions_is_refused(folder, write_json) -> None:
    with pytest.raises(DataError, match=r"Questions.csv or questions.json"):
        read(folder / "MMVP Images")
    with pytest.raises(DataError, match="expected a list"):
        read(write_json(folder / "questions.json", {}))
    _csv(folder, '1,"never closed')
    with pytest.raises(DataError, match="is not CSV"):
        read(folder / "Questions.csv")
