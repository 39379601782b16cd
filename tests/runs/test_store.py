import json
import os
import subprocess
import sys
import time

import pytest

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.journal import read_events
from eagle_mllm.runs.record import Failure, NotApplicable
from eagle_mllm.runs.store import RecordStore, load_run, run_key

FAILURE = Failure(sample_id="a", task="vqa", error="ImageError", reason="is empty")
RIGHT = NotApplicable(sample_id="a", task="vqa", answer="Yes", reason="answered rightly")
DESCRIPTION = {
    "config": {"name": "x", "data": {"set": "scenes"}, "model": {"id": "demo"}},
    "data": {"name": "scenes", "fingerprint": "f"},
    "made_with": {},
}


def _description(**changed):
    return json.dumps({"schema_version": 1, **DESCRIPTION, **changed})


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "x-1")


def test_a_key_depends_on_values_and_not_on_their_order():
    assert run_key({"a": 1, "b": [2]}) == run_key({"b": [2], "a": 1})
    assert run_key({"a": 1, "b": [2]}) != run_key({"a": 1, "b": [3]})
    assert len(run_key({})) == 8


def test_an_outcome_takes_the_place_of_a_failure(store):
    store.write(FAILURE)
    assert (store.outcome("a"), store.outcome("b")) == (FAILURE, None)
    store.write(RIGHT)
    assert (store.outcome("a"), store.outcome("b")) == (RIGHT, None)
    assert list((store.folder / "failures").iterdir()) == []


def test_an_outcome_counts_more_than_a_failure_that_a_killed_writer_left(store):
    store.write(RIGHT)
    store.write(FAILURE)
    assert store.outcome("a") == RIGHT
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
    store.describe(DESCRIPTION, [])
    assert store.unplanned() == set()


def test_leftovers_are_judged_by_the_clock_of_their_folder_alone(store, monkeypatch):
    at_work = store.folder / "records" / ".0001.tmp"
    at_work.write_text("half")
    for ahead in (3600, -3600):
        monkeypatch.setattr(time, "time", lambda ahead=ahead, now=time.time: now() + ahead)
        RecordStore(store.folder)
        assert at_work.exists()
        monkeypatch.undo()


def test_a_file_whose_writer_lives_is_left_alone_however_old_it_is(store):
    with atomic_write(store.folder / "records" / "a.json") as at_work:
        at_work.write_text("half")
        os.utime(at_work, (0, 0))
        RecordStore(store.folder)
        assert at_work.exists()
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    dead = at_work.with_name(at_work.name.replace(f".{os.getpid()}.", f".{process.pid}."))
    dead.write_text("half")
    os.utime(dead, (0, 0))
    RecordStore(store.folder)
    assert not dead.exists()


def test_the_journal_is_one_object_a_line_with_the_time(store):
    store.log({"event": "start"})
    store.log({"event": "sample"})
    lines = (store.folder / "journal.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert (first["event"], second["event"]) == ("start", "sample")
    assert first["time"] <= second["time"]
    assert read_events(store.folder) == [first, second]


@pytest.mark.parametrize("torn", ['{"event": "sam', '{"event": "sample"}', "\0\0", "[1]\n\n[["])
def test_a_line_cut_off_by_a_kill_swallows_no_other(store, torn):
    store.log({"event": "start"})
    with (store.folder / "journal.jsonl").open("a") as file:
        file.write(torn)
    store.log({"event": "sample"})
    events = [event["event"] for event in read_events(store.folder)]
    whole = ["sample"] if torn.endswith("}") else []
    assert events == ["start", *whole, "sample"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match=r"cannot write .*file/x: Not a directory"):
        RecordStore(tmp_path / "file" / "x")


def test_a_run_is_found_in_its_folder_or_alone_in_the_one_above(store, tmp_path):
    store.describe(DESCRIPTION, ["a"])
    assert load_run(tmp_path).folder == load_run(store.folder).folder == store.folder
    assert load_run(str(store.folder)).folder == store.folder
    RecordStore(tmp_path / "x-2").describe(DESCRIPTION, ["a"])
    with pytest.raises(ResultError, match=r"more than one run \(x-1, x-2\); give the folder of"):
        load_run(tmp_path)
    for absent in (tmp_path / "absent", tmp_path / ("x" * 5000), tmp_path / "a\0b"):
        with pytest.raises(ResultError, match=r"contains no run|cannot read"):
            load_run(absent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ('{"schema_version": 1}', "is damaged"),
        ('{"schema_version": 2, "planned": []}', "schema version 2, this eagle-mllm knows 1"),
        ('{"schema_version": "2\\n3"}', r"schema version '2\\n3', this"),
        ('{"schema_version": 1, "planned": []}', "is damaged: config: Field required"),
        (_description(config={"name": "x"}), "settings that this version does not know"),
        (_description(planned=["../x"]), r"planned\.0: .*names a file"),
        (_description(planned=["a\0"]), r"planned\.0: .*names a file"),
        (_description(data={}), r"data\.name: Field required"),
        (_description(data=True), "is damaged: data: "),
        (_description(made_with={"x": float("nan")}), "NaN is not a number of JSON"),
        ("[" * 100_000, "it nests too deeply"),
        ('"\\ud800"', "has no schema_version"),
        ("\xff", "is damaged"),
    ],
)
def test_a_description_that_cannot_be_used_is_named(store, text, message):
    (store.folder / "run.json").write_text(text, encoding="latin-1")
    with pytest.raises(ResultError, match=message):
        load_run(store.folder)


def test_a_damaged_record_is_named_with_its_remedy(store):
    store.describe(DESCRIPTION, ["a"])
    (store.folder / "records" / "a.json").write_text('{"outcome"')
    with pytest.raises(ResultError, match=r"records/a\.json: .*; run the same command again"):
        load_run(store.folder)
