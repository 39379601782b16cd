"""Results are written row by row, whole, once, and by several processes."""

import json

import pytest
from store import ResultFile, rows_of

RUN = {"machine": "one"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "part.json"


def test_a_row_is_there_for_the_next_process(path):
    ResultFile(path, key=("seed",)).add({"seed": 3, "gap": 0.5}, run=RUN)
    again = ResultFile(path, key=("seed",))
    assert {"seed": 3} in again
    assert {"seed": 4} not in again
    assert rows_of(path) == [{"seed": 3, "gap": 0.5, "run": 0}]


def test_two_processes_add_to_one_file_and_the_first_measurement_stays(path):
    one, other = ResultFile(path, key=("seed",)), ResultFile(path, key=("seed",))
    one.add({"seed": 0, "gap": 0.1}, run=RUN)
    other.add({"seed": 1, "gap": 0.2}, run={"machine": "two"})
    other.add({"seed": 0, "gap": 0.3}, run={"machine": "two"})
    assert [(row["seed"], row["gap"], row["run"]) for row in rows_of(path)] == [
        (0, 0.1, 0),
        (1, 0.2, 1),
    ]
    assert {"seed": 0} in other


def test_a_run_is_written_once_for_all_its_rows(path):
    file = ResultFile(path, key=("seed",))
    for seed in range(3):
        file.add({"seed": seed}, run={"threads": (1, 2)})
    content = json.loads(path.read_text())
    assert content["runs"] == [{"threads": [1, 2]}]
    assert [row["run"] for row in content["rows"]] == [0, 0, 0]
    assert len(path.read_text().splitlines()) == 1 + (1 + 1 + 1) + (1 + 3 + 1) + 1


def test_nothing_but_the_file_is_left_in_the_folder(path):
    ResultFile(path, key=("seed",)).add({"seed": 0}, run=RUN)
    assert [file.name for file in path.parent.iterdir()] == ["part.json"]


def test_a_file_that_is_not_there_has_no_rows(path):
    assert rows_of(path) == []
