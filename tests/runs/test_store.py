import json
import os
import time

import pytest

from eagle_mllm.errors import ResultError
from eagle_mllm.runs.record import Failure, NotApplicable
from eagle_mllm.runs.store import RecordStore, load_run, run_key

FAILURE = Failure(sample_id="a", task="vqa", error="ImageError", reason="is empty")
RIGHT = NotApplicable(sample_id="a", task="vqa", answer="Yes", reason="answered rightly")
DESCRIPTION = {
    "config": {"name": "x", "data": {"set": "scenes"}, "model": {"id": "demo"}},
    "data": {"name": "scenes", "fingerprint": "f"},
    "made_with": {},
}


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "x-1")


def test_a_key_depends_on_values_and_not_on_their_order():
    assert run_key({"a": 1, "b": [2]}) == run_key({"b": [2], "a": 1})
    assert run_key({"a": 1, "b": [2]}) != run_key({"a": 1, "b": [3]})
    assert len(run_key({})) == 8


def test_an_outcome_takes_the_place_of_a_failure(store):
    store.write(FAILURE)
    assert store.ended(["a", "b"]) == {"a": Failure}
    store.write(RIGHT)
    assert store.ended(["a", "b"]) == {"a": NotApplicable}
    assert list((store.folder / "failures").iterdir()) == []


def test_an_outcome_counts_more_than_a_failure_that_a_killed_writer_left(store):
    store.write(RIGHT)
    store.write(FAILURE)
    assert store.ended(["a"]) == {"a": NotApplicable}
    store.describe(DESCRIPTION, ["a"])
    run = load_run(store.folder)
    assert (run.not_applicable, run.failures) == ((RIGHT,), ())


def test_a_plan_only_grows_and_the_first_start_is_kept(store):
    store.describe(DESCRIPTION, ["a", "b"])
    store.describe({**DESCRIPTION, "made_with": {"python": "4"}}, ["b", "c"])
    store.describe(DESCRIPTION, ["a"])
    run = load_run(store.folder)
    assert run.planned == ("a", "b", "c")
    assert run.made_with == {}
    assert run.n_missing == 3


def test_leftovers_of_killed_writers_are_cleared_and_those_at_work_are_left_alone(store):
    places = [store.folder, store.folder / "records"]
    for place in places:
        (place / ".0001.tmp").write_text("half")
        (place / ".0002.tmp").write_text("half")
        hour_ago = time.time() - 3600
        os.utime(place / ".0001.tmp", (hour_ago, hour_ago))
    RecordStore(store.folder)
    for place in places:
        assert [file.name for file in place.glob(".*.tmp")] == [".0002.tmp"]
    assert store.ended(["", ".0002"]) == {}


def test_the_journal_is_one_object_a_line_with_the_time(store):
    store.log({"event": "start"})
    store.log({"event": "sample"})
    lines = (store.folder / "journal.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert (first["event"], second["event"]) == ("start", "sample")
    assert first["time"] <= second["time"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match=r"cannot write .*file/x: Not a directory"):
        RecordStore(tmp_path / "file" / "x")


def test_a_run_is_found_in_its_folder_or_alone_in_the_one_above(store, tmp_path):
    store.describe(DESCRIPTION, ["a"])
    assert load_run(tmp_path).folder == load_run(store.folder).folder == store.folder
    assert load_run(str(store.folder)).folder == store.folder
    RecordStore(tmp_path / "x-2").describe(DESCRIPTION, ["a"])
    with pytest.raises(ResultError, match="is no run and holds x-1, x-2; give the folder of one"):
        load_run(tmp_path)
    with pytest.raises(ResultError, match="is no run and holds none"):
        load_run(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ('{"schema_version": 1}', "is damaged"),
        ('{"schema_version": 2, "planned": []}', "schema version 2, this eagle-mllm knows 1"),
        ('{"schema_version": 1, "planned": []}', "settings that this version does not know"),
    ],
)
def test_a_description_that_cannot_be_used_is_named(store, text, message):
    (store.folder / "run.json").write_text(text)
    with pytest.raises(ResultError, match=message):
        load_run(store.folder)


def test_a_damaged_record_is_named_with_its_remedy(store):
    store.describe(DESCRIPTION, ["a"])
    (store.folder / "records" / "a.json").write_text('{"outcome"')
    with pytest.raises(ResultError, match=r"records/a\.json: .*; delete it and run again"):
        load_run(store.folder)
