"""`eagle` as a process of its own: signals, pipes, terminals, full disks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eagle_mllm.attribution.search.multilevel import MultilevelSearch

# The command on a planted model, so that no weights are needed; %s runs before the command.
PROGRAM = """
import signal, sys, time
from eagle_mllm import loading
from eagle_mllm.testing import PlantedModel
from eagle_mllm.cli.main import main

# Started in the background by a shell, we would have inherited that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow(PlantedModel):
    def scorer(self, *arguments, **options):
        print("scoring", file=sys.stderr, flush=True)
        time.sleep(SLEEP)
        return super().scorer(*arguments, **options)

SLEEP = 0
loading.load_model = lambda name, **options: Slow("a cat", {})
%s
main()
"""
GRID = ("--regions", "grid", "--n-regions", "8")


def _command(*arguments, before=""):
    return [sys.executable, "-c", PROGRAM % before, *arguments]


@pytest.fixture
def photo(folder):
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    Image.fromarray(noise).save("photo.png")
    return "photo.png"


def test_stdout_carries_the_results_and_nothing_else(photo):
    done = subprocess.run(
        _command("explain", photo, *GRID, "--json"), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0
    values = json.loads(done.stdout)
    assert values["answer"] == "a cat"
    with Image.open(values["files"]["figure"]) as figure:
        assert figure.format == "PNG"
    assert done.stderr == "scoring\n"


def test_a_full_disk_is_one_line_and_leaves_no_partial_file(photo):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    done = subprocess.run(
        _command("explain", photo, *GRID, before=full), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 2
    assert done.stdout == ""
    _, line = done.stderr.splitlines()
    assert line.startswith("eagle: error: cannot write")
    assert "eagle-out/photo" in line
    assert ".eagle-" not in line
    assert not Path("eagle-out").exists()


def test_ctrl_c_during_the_search_exits_with_130_and_leaves_nothing(photo):
    with subprocess.Popen(
        _command("explain", photo, *GRID, before="SLEEP = 60"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "scoring\n"
        assert Path("eagle-out/photo").is_dir()  # tried out before the search
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (stdout, stderr) == ("", "")
    assert not Path("eagle-out").exists()


def test_a_reader_that_goes_away_is_no_error(folder):
    with subprocess.Popen(
        [sys.executable, "-m", "eagle_mllm", "scene", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert stderr == ""
    assert process.returncode == 141


def test_a_terminal_sees_passes_done_and_planned_and_a_file_does_not(photo, everything_from):
    ours, theirs = os.openpty()
    with subprocess.Popen(
        _command("explain", photo, *GRID, "--json"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        drawn = everything_from(ours)
        stdout = process.stdout.read()
    values = json.loads(stdout)
    planned = MultilevelSearch().planned_passes(values["regions"]["count"])
    assert f"{values['forward_passes']}/{planned} passes" in drawn
    assert "left" in drawn
