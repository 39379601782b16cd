"""What a stop has cost and how fast a run is, from files that a reader can count."""

import json
import signal
import sys

import bench
import pytest
from pages import markdown
from store import rows_of

import runs
import tables

WHOLE = {"records/a.json": b"1", "records/b.json": b"2", "failures/c.json": b"3"}

# Two samples at once, and a third that does not end at the first start.
STUCK = """
import json, pathlib, sys, time
run = pathlib.Path(sys.argv[1]) / "run-0"
is_first = not run.exists()
(run / "records").mkdir(parents=True, exist_ok=True)
with (run / "journal.jsonl").open("a") as journal:
    print(json.dumps({"event": "start"}), file=journal)
    for name in "ab" if is_first else "c":
        (run / "records" / f"{name}.json").write_text(name)
        print(json.dumps({"event": "sample", "worker": f"here:{name}"}), file=journal)
if is_first:
    time.sleep(60)
"""


def test_a_stop_that_lost_nothing_has_made_the_rest():
    there = {"records/a.json": b"1"}
    assert runs.verdict(there, WHOLE, WHOLE) == {
        "there": 1,
        "lost": 0,
        "made_after": 2,
        "equal": True,
    }


@pytest.mark.parametrize("data", [b"other", None])
def test_what_is_gone_or_different_in_the_end_is_lost(data):
    after = {name: value for name, value in WHOLE.items() if name != "records/a.json"}
    if data is not None:
        after["records/a.json"] = data
    found = runs.verdict({"records/a.json": b"1"}, after, WHOLE)
    assert (found["lost"], found["equal"]) == (1, False)


def test_outcomes_are_the_files_of_samples_and_of_no_other_kind(tmp_path):
    assert runs.outcomes(tmp_path / "not there") == {}
    for name in ("records/a.json", "not-applicable/b.json", "failures/c.json"):
        path = tmp_path / "run-0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "run-0" / "run.json").write_text("{}")
    (tmp_path / "run-0" / "records" / ".d.json.tmp").write_text("half")
    assert runs.outcomes(tmp_path) == {
        name: name.encode()
        for name in ("records/a.json", "not-applicable/b.json", "failures/c.json")
    }


def test_a_rate_counts_the_samples_after_the_first():
    assert runs.rate([100.0, 130.0, 160.0]) == 2.0
    assert runs.rate([160.0, 100.0, 130.0]) == 2.0  # Ray's outcomes come in any order


def test_a_command_is_stopped_at_half_and_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(
        runs.Size, "command", lambda self, out, *others: [sys.executable, "-c", STUCK, str(out)]
    )
    found = runs.survived(
        runs.Size(4, 16, rounds=1),
        runs.Stop(signal=signal.SIGKILL),
        out=tmp_path,
        whole={f"records/{name}.json": name.encode() for name in "abc"},
    )
    assert found == {
        "exit_code": -signal.SIGKILL,
        "there": 2,
        "lost": 0,
        "made_after": 1,
        "equal": True,
        "starts": 2,
        "explained": 3,
        "processes": 3,
    }


def test_a_run_that_ends_before_it_is_stopped_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(
        runs.Size,
        "command",
        lambda self, out, *others: [sys.executable, "-c", "raise SystemExit(7)"],
    )
    with pytest.raises(SystemExit, match="ended with 7 before 2 samples"):
        runs.survived(runs.Size(4, 16, rounds=1), runs.STOPS["Ctrl-C"], out=tmp_path, whole={})


# Three samples, half a minute apart by the journal.
DONE = """
import json, os, pathlib, sys
run = pathlib.Path(sys.argv[1]) / "run-0"
(run / "records").mkdir(parents=True)
with (run / "journal.jsonl").open("w") as journal:
    print(json.dumps({"event": "start", "time": 0}), file=journal)
    for place, name in enumerate("abc"):
        (run / "records" / f"{name}.json").write_text(f"{name} {FOUND}")
        print(json.dumps({"event": "sample", "time": 100 + 30 * place}), file=journal)
"""


# What a side finds may depend on its threads, but on nothing else.
@pytest.mark.parametrize(
    ("finds", "equal"),
    [("'always'", True), ("os.environ.get('OMP_NUM_THREADS')", True), ("sys.argv[2]", False)],
)
def test_the_sides_take_turns_and_must_find_the_same(tmp_path, monkeypatch, finds, equal):
    begun = []

    def command(self, out, *others):
        begun.append("ray" in others)
        return [sys.executable, "-c", DONE.replace("FOUND", finds), str(out), str(begun[-1])]

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(runs.Size, "command", command)
    found = runs.throughput(runs.Size(12, 16, rounds=2), out=tmp_path)
    assert begun == [False, False, True, False, False, True]
    assert found["equal"] is equal
    for turns in found["sides"].values():
        assert [turn["working"] for turn in turns] == [2.0, 2.0]
        assert all(turn["in_all"] > 3 for turn in turns)  # three samples in less than a minute


def test_the_tables_show_each_stop_and_each_turn(tmp_path):
    stop = {"case": "Ctrl-C", "samples": 12, "there": 6, "lost": 1, "made_after": 5}
    stop |= {"explained": 11, "starts": 2, "processes": 2, "equal": False}
    turns = {"serial": [{"working": 10.04, "in_all": 8.0}, {"working": 12.0, "in_all": 9.5}]}
    speed = {"case": runs.THROUGHPUT, "samples": 12, "regions": 16, "sides": turns, "equal": True}
    (tmp_path / "runs.json").write_text(json.dumps({"runs": [], "rows": [stop, speed]}))
    assert markdown(tables.stop_table(tmp_path)).splitlines()[2:] == [
        "| Ctrl-C | 12 | 6 | 1 | 5 | 11 | 2 | 2 | **no** |"
    ]
    assert markdown(tables.throughput_table(tmp_path)).splitlines()[2:] == [
        "| serial | 12 | 16 | 10.0, 12.0 | 8.0, 9.5 | yes |"
    ]


@pytest.mark.slow
def test_a_smoke_run_of_real_processes_loses_nothing(tmp_path):
    bench.main(["runs", "--quick", "--out", str(tmp_path)])
    *stops, speed = rows_of(tmp_path / "runs.json")
    assert [row["case"] for row in stops] == list(runs.STOPS)
    assert [row["exit_code"] for row in stops] == [-signal.SIGKILL, 130, 0]
    assert all(row["equal"] and row["lost"] == 0 and row["there"] >= 2 for row in stops)
    assert speed["sides"].keys() == runs.SIDES.keys()
    assert speed["equal"]
