"""`eagle run` as a process of its own: killed, interrupted, watched."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eagle_mllm.runs.store import load_run

# The command on a planted model; %s runs before it. "scoring" says that a sample is begun.
PROGRAM = """
import signal, sys, time
import typer
from eagle_mllm.cli.problems import EagleGroup
from eagle_mllm.cli.run import run
from eagle_mllm.cli.signals import end_tidily
from eagle_mllm import loading
from eagle_mllm.testing import PlantedModel

# Started in the background by a shell, or under nohup, we would have inherited deaf ears.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
end_tidily()  # as `main` does

class Slow(PlantedModel):
    begun = 0
    def scorer(self, *arguments, **options):
        Slow.begun += 1
        if Slow.begun == STUCK_AT:
            print("scoring", file=sys.stderr, flush=True)
            time.sleep(60)
        return super().scorer(*arguments, **options)

STUCK_AT = None
real = loading.load_model
loading.load_model = lambda name, **options: Slow("a small star", {})
%s
app = typer.Typer(cls=EagleGroup)
app.callback()(lambda: None)
app.command()(run)
app(prog_name="eagle")
"""


def _command(settings, *arguments, before=""):
    return [sys.executable, "-c", PROGRAM % before, "run", str(settings), *arguments]


def _finish(*arguments, **options):
    done = subprocess.run(
        _command(*arguments, **options), capture_output=True, text=True, timeout=600, check=True
    )
    return done.stdout


def _stop_at_the_third(settings, signum, *arguments):
    """Start, wait until the third sample is being worked on, and send the signal."""
    with subprocess.Popen(
        _command(settings, *arguments, before="STUCK_AT = 3"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "scoring\n"
        process.send_signal(signum)
        stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_killed_in_the_middle_goes_on_and_equals_one_that_was_not(
    here, settings_file, results
):
    code, _, _ = _stop_at_the_third(settings_file(), signal.SIGKILL, "--out", "killed")
    assert code == -signal.SIGKILL
    (folder,) = (here / "killed").iterdir()
    assert len(list((folder / "records").glob("*.json"))) == 2
    assert _finish(settings_file(), "--out", "killed").startswith("6 done,")
    _finish(settings_file(), "--out", "whole")
    (whole,) = (here / "whole").iterdir()
    assert whole.name == folder.name
    assert len(results(whole)) == 8  # six records, the plan, run.json
    assert results(folder) == results(whole)


@pytest.mark.parametrize(
    ("signum", "said"),
    [
        (signal.SIGINT, "interrupted"),
        (signal.SIGTERM, "terminated"),
        (signal.SIGHUP, "terminated"),
    ],
)
def test_a_signal_exits_with_its_code_says_how_to_resume_and_loses_one_sample(
    here, settings_file, signum, said
):
    code, stdout, stderr = _stop_at_the_third(settings_file(), signum)
    assert code == 128 + signum
    assert stdout == ""
    assert stderr == f"{said}; the same command continues from here\n"
    (folder,) = Path("runs").iterdir()
    names = sorted(path.name for path in (folder / "records").iterdir())
    assert names == ["scene-000000.json", "scene-000001.json"]
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("starts", "rounds"),
    [pytest.param(2, 1, id="two"), pytest.param(8, 5, id="eight", marks=pytest.mark.slow)],
)
def test_starts_with_other_selections_at_once_lose_no_record(here, settings_file, starts, rounds):
    for number in range(rounds):
        out = str(number)
        commands = [
            _command(
                *(settings_file(), "--set", f"data.count={starts}", "--out", out),
                *("--offset", str(place), "--limit", "1"),
            )
            for place in range(starts)
        ]
        processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
        assert [process.wait(timeout=300) for process in processes] == [0] * starts
        run = load_run(out)
        assert len(run.records) == len(run.planned) == starts
        assert (run.n_missing, run.n_unplanned) == (0, 0)


def test_a_full_disk_is_one_line_and_leaves_whole_records_only(here, settings_file):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))"
    done = subprocess.run(
        _command(settings_file(), before=full), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(r"eagle: error: cannot write runs/.*: File too large; .*free space", line)
    for record in Path("runs").glob("*/records/*"):
        json.loads(record.read_text())


def test_a_terminal_sees_samples_done_rate_and_failures_and_a_pipe_does_not(
    here, settings_file, everything_from
):
    ours, theirs = os.openpty()
    with subprocess.Popen(
        _command(settings_file(), "--json"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        drawn = everything_from(ours)
        assert json.loads(process.stdout.read())["done"] == 6
    assert "loading the model" in drawn
    assert "6/6 samples" in drawn
    assert "0 failed" in drawn


@pytest.mark.slow
def test_a_real_model_killed_in_the_middle_goes_on_to_the_same_bytes(here, settings_file, results):
    arguments = (settings_file(), "--set", "model.id=demo/llava", "--out")
    real = {"before": "loading.load_model = real"}
    with subprocess.Popen(
        _command(*arguments, "killed", **real), stderr=subprocess.PIPE
    ) as process:
        while len(list(here.glob("killed/*/records/*.json"))) < 2:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.05)
        process.kill()
    assert 2 <= len(list(here.glob("killed/*/records/*.json"))) < 6
    _finish(*arguments, "killed", **real)
    _finish(*arguments, "whole", **real)
    (killed,), (whole,) = (here / "killed").iterdir(), (here / "whole").iterdir()
    assert len(results(whole)) == 8  # six records, the plan, run.json
    assert results(killed) == results(whole)


@pytest.mark.slow
def test_sigterm_ends_a_ray_run_as_any_other(here, settings_file):
    arguments = ("--set", "model.id=demo/llava", "--executor", "ray", "--workers", "1")
    with subprocess.Popen(
        _command(settings_file(), *arguments, before="loading.load_model = real"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not list(here.glob("runs/*/records/*.json")):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert stderr == "terminated; the same command continues from here\n"


@pytest.mark.slow
def test_ray_gives_the_bytes_of_one_process_with_a_real_model(here, settings_file, results):
    arguments = (settings_file(), "--set", "model.id=demo/llava", "--limit", "4", "--out")
    real = {"before": "loading.load_model = real"}
    _finish(*arguments, "alone", **real)
    _finish(*arguments, "spread", "--executor", "ray", "--workers", "2", **real)
    (alone,), (spread,) = (here / "alone").iterdir(), (here / "spread").iterdir()
    assert len(results(alone)) == 6  # four records, the plan, run.json
    assert results(spread) == results(alone)
