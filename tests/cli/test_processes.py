"""`eagle` as a process of its own: signals, pipes, terminals, full disks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import eagle_mllm
from eagle_mllm.attribution.search.multilevel import MultilevelSearch

# The command on a planted model, so that no weights are needed; %s runs before the command.
PROGRAM = """
import signal, sys, time
from pathlib import Path
from eagle_mllm import loading
from eagle_mllm.testing import PlantedModel
from eagle_mllm.cli.main import main

# Started in the background by a shell, or by nohup, we would have inherited that these are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

class Slow(PlantedModel):
    def scorer(self, *arguments, **options):
        print("scoring", file=sys.stderr, flush=True)
        time.sleep(SLEEP)
        while WAITS and not Path("go").exists():
            time.sleep(0.01)
        return super().scorer(*arguments, **options)

SLEEP, WAITS = 0, False
loading.load_model = lambda name, **options: Slow("a cat", {})
%s
main()
"""
GRID = ("--regions", "grid", "--n-regions", "8")
RESULTS = ["explanation.npz", "figure.png", "report.html"]


def _command(*arguments, before=""):
    return [sys.executable, "-c", PROGRAM % before, *arguments]


@pytest.fixture
def photo(folder):
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    Image.fromarray(noise).save("photo.png")
    return "photo.png"


def test_what_pillow_remarks_on_a_picture_stays_off_the_terminal(photo):
    broken = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01"  # two entries, of which half a one is there
    with Image.open(photo) as picture:
        picture.save("photo.png", exif=broken)
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        eagle_mllm.attribution.images.read_image(photo)
    done = subprocess.run(
        _command("explain", photo, *GRID), capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "scoring\n")


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


def test_one_ctrl_c_ends_the_search_and_writes_what_was_found(photo):
    process = _waiting("explain", photo, "--regions", "grid", "--n-regions", "36", "--json")
    process.send_signal(signal.SIGINT)
    Path("go").touch()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "writing what was found so far" in stderr
    explanation = eagle_mllm.load(json.loads(stdout)["files"]["explanation"])
    assert explanation.provenance["settings"]["ended_early"] is True
    assert explanation.forward_passes < eagle_mllm.Eagle().planned_passes(36)
    assert sorted(path.name for path in Path("eagle-out/photo").iterdir()) == RESULTS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_aborts_and_leaves_nothing(photo, number):
    process = _waiting("explain", photo, *GRID)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # each is delivered by itself
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert (stdout, stderr) == ("", "")
    assert not Path("eagle-out").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_during_the_search_leaves_nothing(photo, number, code):
    with subprocess.Popen(
        _command("explain", photo, *GRID, before="SLEEP = 60"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "scoring\n"
        assert Path("eagle-out/photo").is_dir()  # tried out before the search
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert (stdout, stderr) == ("", "")
    assert not Path("eagle-out").exists()


def _waiting(*arguments):
    """A process that has reached its search, and waits there for the file `go`."""
    process = subprocess.Popen(
        _command(*arguments, before="WAITS = True"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline() == "scoring\n"
    return process


def test_explanations_at_once_get_a_folder_each(photo):
    prompts = ["A?", "B?", "C?"]
    running = [_waiting("explain", photo, *GRID, "--json", "--prompt", one) for one in prompts]
    Path("go").touch()
    ended = [json.loads(process.communicate(timeout=100)[0]) for process in running]
    places = [Path(values["files"]["explanation"]).parent for values in ended]
    assert [place.name for place in places] == ["photo", "photo-2", "photo-3"]
    for prompt, place in zip(prompts, places, strict=True):
        assert eagle_mllm.load(place / "explanation.npz").generation.prompt == prompt
        assert sorted(path.name for path in place.iterdir()) == RESULTS


@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
def test_a_second_explanation_into_one_folder_is_refused_at_its_start(photo, force):
    command = ("explain", photo, *GRID, "--json", "--out", "one", *force)
    first = _waiting(*command)
    second = subprocess.run(_command(*command), capture_output=True, text=True, timeout=100)
    Path("go").touch()
    stdout, _ = first.communicate(timeout=100)
    assert json.loads(stdout)["files"]["report"] == "one/report.html"
    assert sorted(path.name for path in Path("one").iterdir()) == RESULTS
    assert second.returncode == 2
    assert second.stderr.startswith("eagle: error: one is being written by another command")


def test_one_of_two_scenes_into_one_file_is_refused(folder):
    command = [sys.executable, "-m", "eagle_mllm", "scene", "--out", "s.png", "-q"]
    running = [subprocess.Popen([*command, seed], stderr=subprocess.PIPE) for seed in "12"]
    errors = [process.communicate(timeout=100)[1] for process in running]
    assert sorted(process.returncode for process in running) == [0, 2]
    assert b"s.png exists already" in b"".join(errors)
    assert [path.name for path in folder.iterdir()] == ["s.png"]


def test_a_killed_explanation_is_cleared_by_the_next(photo):
    with subprocess.Popen(
        _command("explain", photo, *GRID, before="SLEEP = 60"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "scoring\n"
        process.kill()
    assert list(Path("eagle-out").glob(".eagle-*"))
    done = subprocess.run(_command("explain", photo, *GRID), capture_output=True, timeout=100)
    assert done.returncode == 0
    assert [path.name for path in Path("eagle-out").iterdir()] == ["photo"]
    assert sorted(path.name for path in Path("eagle-out/photo").iterdir()) == RESULTS


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
