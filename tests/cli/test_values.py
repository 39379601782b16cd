"""Values that no command can use: one line with the option's name, whatever the option."""

import os
import subprocess
import sys

import pytest
import typer

from eagle_mllm.cli.cost import tell_cost
from eagle_mllm.cli.parsing import parse_batch_size, parse_duration, parse_token_range

GRID = ("--regions", "grid", "--n-regions", "4")
LONG = "n" * 300
VERY_LONG = "n" * 5000
DIGITS = "9" * 5000


def _require_refused(result, *says):
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("eagle: error: ")
    assert len(line) < 500
    for fragment in says:
        assert fragment in line


@pytest.mark.parametrize("name", [LONG, VERY_LONG, f"{LONG}/x", "a\x00b", "\ud800"], ids=ascii)
@pytest.mark.parametrize(
    "command",
    [
        ("explain", None),
        ("explain", "photo.png", "--out", None),
        ("explain", "photo.png", "--regions", None),
        ("explain", "photo.png", "--model", None),
        ("show", None),
        ("scene", "1", "--out", None),
        ("demo", "--out", None),
        ("run", None),
        ("run", "a.toml", "--out", None),
        ("tables", None),
        ("tables", ".", "--out", None),
        ("data", "check", None),
    ],
    ids=lambda command: " ".join(part or "_" for part in command),
)
def test_a_name_that_no_file_system_takes_is_refused(eagle, picture, folder, command, name):
    before = sorted(folder.rglob("*"))
    _require_refused(eagle(*(name if part is None else part for part in command)))
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("option", ["--html", "--figure"])
@pytest.mark.parametrize(
    "name", [LONG, VERY_LONG, f"deep/{LONG}.png", "a\x00b", "\ud800"], ids=ascii
)
def test_show_writes_to_no_impossible_name(eagle, picture, planted, sketches, option, name):
    assert eagle("explain", picture, *GRID, "--out", "kept", "-q").exit_code == 0
    _require_refused(eagle("show", "kept/explanation.npz", option, name))


@pytest.mark.parametrize(
    "option",
    ["--prompt", "--answer", "--word", "--span", "--counterfactual", "--revision", "--device"],
)
@pytest.mark.parametrize("text", ["a\x00b", "caf\udce9", "\ud800"], ids=ascii)
def test_text_that_is_not_unicode_is_refused(eagle, picture, planted, option, text):
    _require_refused(eagle("explain", picture, *GRID, option, text), option, "the text")


@pytest.mark.parametrize(
    "option",
    ["--batch-size", "--token", "--n-regions", "--budget", "--max-new-tokens", "--max-pixels"],
)
@pytest.mark.parametrize("number", [DIGITS, "9" * 400, f"-{DIGITS}", "9" * 19, "1e999", "nan"])
def test_a_number_beyond_every_range_is_refused(eagle, picture, planted, option, number):
    _require_refused(eagle("explain", picture, "--regions", "grid", option, number), option)


@pytest.mark.parametrize("option", ["--insight", "--necessity"])
@pytest.mark.parametrize("number", ["1e999", "nan", "inf", "-inf", DIGITS, "1e308"])
def test_a_weight_that_is_not_a_number_to_work_with_is_refused(
    eagle, picture, planted, option, number
):
    _require_refused(eagle("explain", picture, *GRID, option, number), option)


@pytest.mark.parametrize("command", [("scene", DIGITS), ("demo", "--seed", DIGITS)])
def test_a_seed_beyond_every_range_is_refused(eagle, command):
    _require_refused(eagle(*command))


def test_numbers_of_other_scripts_are_numbers():
    assert parse_batch_size("٣") == 3
    assert parse_token_range("٣:٤") == (3, 4)


# ---- names that are unusual and possible ----


@pytest.mark.parametrize("name", [b"caf\xe9.png", "größe 猫.png".encode(), b"a\nb.png", b"-.png"])
def test_any_name_that_the_file_system_takes_is_explained(picture, folder, name):
    picture.rename(os.fsdecode(name))
    program = """
from eagle_mllm import loading
from eagle_mllm.testing import PlantedModel
from eagle_mllm.cli.main import main
loading.load_model = lambda name, **options: PlantedModel("a cat", {})
main()
"""
    command = [sys.executable, "-c", program, "explain", *GRID]
    done = subprocess.run(
        [*command, "--json", "--out", b"out-" + name[:-4], "--", name], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    shown = subprocess.run(
        [*command[:3], "show", b"out-" + name[:-4] + b"/explanation.npz"], capture_output=True
    )
    assert shown.returncode == 0, shown.stderr


def test_a_picture_from_a_pipe_is_explained(picture, folder):
    program = "import sys; from eagle_mllm.cli.main import main; main()"
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'"$1" -c "{program}" explain <(cat photo.png) -q --n-regions 4',
            "_",
            sys.executable,
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.glob("eagle-out/*/explanation.npz"))


# ---- the size of a picture, and what it costs ----


def test_the_largest_picture_is_an_option(eagle, picture, planted, sketches):
    _require_refused(eagle("explain", picture, *GRID, "--max-pixels", 1535), "photo.png")
    assert eagle("explain", picture, *GRID, "--max-pixels", 1536, "-q").exit_code == 0
    stored = "eagle-out/photo/explanation.npz"
    _require_refused(eagle("show", stored, "--max-pixels", 100), stored, "max_pixels")
    assert eagle("show", stored, "--max-pixels", 2000, "-q").exit_code == 0


@pytest.mark.parametrize(
    ("passes", "n_targets", "said"),
    [
        (10_000, 100, ""),
        (10_001, 1, "eagle: note: 10,001 images to score for 1 target; "),
        (500, 101, "eagle: note: 500 images to score for 101 targets; "),
    ],
)
def test_much_work_is_told_first_on_stderr(capsys, passes, n_targets, said):
    tell_cost(passes, n_targets=n_targets)
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.startswith(said)
    assert stderr.count("\n") == bool(said)


@pytest.mark.parametrize("silence", [(), ("--json",), ("-q",)])
def test_explain_tells_the_cost_before_the_search(
    eagle, picture, planted, sketches, monkeypatch, silence
):
    from eagle_mllm.cli import cost

    monkeypatch.setattr(cost, "_MANY_PASSES", 2)
    result = eagle("explain", picture, *GRID, *silence)
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("eagle: note: ")
    assert "1 target" in line


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("20s", 20), ("0.5s", 0.5), ("1.5m", 90), ("2h", 7200), ("24h", 86400)],
)
def test_a_time_has_a_unit_or_is_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "0s", "-1s", "1..5m", "nan", "inf", "1e3", "20 s", "20ms", "25h", "9" * 40]
)
def test_what_is_not_a_time_is_refused(text):
    with pytest.raises(typer.BadParameter, match=r"write 20s, 1\.5m or 2h"):
        parse_duration(text)
