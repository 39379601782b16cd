"""`eagle data check`, in this process and as one of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

QUESTION = '{"image": "COCO_val2014_000000000001.png", "text": "Is there a %s?", "label": "yes"}'

# The group within the command, whose error line and exit codes it shares.
PROGRAM = """
import typer
from eagle_mllm.cli.data import data
from eagle_mllm.cli.problems import EagleGroup
app = typer.Typer(name="eagle", cls=EagleGroup, pretty_exceptions_enable=False)
app.add_typer(data, name="data")
app()
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `eagle data check ARGUMENTS...` in the folder of the data sets."""
    import typer
    from typer.testing import CliRunner

    from eagle_mllm.cli.data import data
    from eagle_mllm.cli.problems import EagleGroup

    app = typer.Typer(name="eagle", cls=EagleGroup, pretty_exceptions_enable=False)
    app.add_typer(data, name="data")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Any:
        runner = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1", "FORCE_COLOR": None})
        words = ["data", "check", *map(str, arguments)]
        return runner.invoke(app, words, prog_name="eagle", catch_exceptions=False)

    return run


def test_a_table_says_what_was_found(run, coco) -> None:
    coco()
    result = run("coco")
    assert result.exit_code == 0
    assert result.stderr == ""
    cells = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert cells[0] == ["found", "holds", "task", "usable", "problems"]
    assert cells[2:] == [
        ["COCO", "captions", "2", "photos", "caption", "2", "0"],
        ["annotations/captions_val2017.json", "3", "captions"],
        ["COCO", "objects", "2", "photos", "object", "2", "0"],
        ["annotations/instances_val2017.json", "4", "boxes"],
        ["3", "categories"],
    ]


def test_each_problem_is_a_line_with_file_and_line_number(run, coco) -> None:
    folder = coco()
    (folder / "val2017/000000000002.png").unlink()
    lines = [QUESTION % "cat", QUESTION % "dog", "oops"]
    Path("coco/pope.json").write_text("\n".join(lines))
    result = run("coco")
    assert result.exit_code == 0
    told = result.stdout.splitlines()
    assert "coco/pope.json:3: is not JSON" in next(line for line in told if "pope.json:3" in line)
    missing = [line for line in told if "000000000002.png: the image is missing" in line]
    assert len(missing) == 2  # of the captions and of the objects
    assert all(line.endswith("; put it there") for line in missing)


def test_a_long_list_is_cut_and_counted(run, coco) -> None:
    coco()
    Path("coco/pope.json").write_text("\n".join([QUESTION % "cat", *["oops"] * 25]))
    told = run("coco").stdout
    assert told.count("is not JSON") == 10
    assert "... and 15 more like this (--json lists every one)" in told
    assert len(json.loads(run("coco", "--json").stdout)["problems"]) == 25


def test_json_tells_everything_in_plain_values(run, coco, write_json) -> None:
    from eagle_mllm.datasets.coco import read_captions

    folder = coco(captions=[{"image_id": 1, "caption": "A cat."}, {"image_id": 9}])
    write_json(folder / "other.json", {})
    result = run("coco", "--json")
    values = json.loads(result.stdout)
    assert (result.exit_code, result.stderr, values["usable"]) == (0, "", True)
    assert values["data_sets"][0] == {
        "kind": "COCO captions",
        "file": "coco/annotations/captions_val2017.json",
        "name": "coco-caption",
        "task": "caption",
        "samples": 1,
        "counts": {"photos": 2, "captions": 1},
        "problems": 1,
        "fingerprint": read_captions(folder).fingerprint,
    }
    assert values["problems"] == [
        {
            "kind": "malformed row",
            "file": "coco/annotations/captions_val2017.json",
            "line": None,
            "entry": "annotations[1]",
            "what": "caption: Field required",
            "advice": "correct or remove it",
        }
    ]
    assert values["not_recognised"] == ["coco/other.json"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_usable_is_exit_code_2(run, coco, options) -> None:
    folder = coco()
    (folder / "val2017").rename("photos")
    result = run("coco", *options)
    assert result.exit_code == 2
    assert "there is no such image folder" in result.stdout
    assert run("coco", "--images", "photos", *options).exit_code == 0
    Path("empty").mkdir()
    assert run("empty", *options).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("nowhere",), "there is no nowhere"), ((".", "--images", "none"), "no image folder none")],
)
def test_a_wrong_path_is_one_error_line(run, arguments, says) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("eagle: error: ")
    assert says in line


def test_nothing_is_written(run, coco) -> None:
    coco()
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    run("coco")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_the_help_says_that_nothing_is_changed() -> None:
    from typer.testing import CliRunner

    from eagle_mllm.cli.data import data

    told = CliRunner().invoke(data, ["check", "--help"]).output
    assert "Nothing is downloaded or changed" in told


def test_it_runs_as_a_process_and_tells_a_script_by_its_exit_code(coco, tmp_path: Path) -> None:
    coco()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, "data", "check", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
        )

    done = run("coco", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [one["samples"] for one in json.loads(done.stdout)["data_sets"]] == [2, 2]
    gone = run("nowhere")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert gone.stderr == "eagle: error: there is no nowhere; give a data set's folder or " + (
        "annotation file\n"
    )


def test_a_reader_that_goes_away_is_no_error(coco, tmp_path: Path) -> None:
    coco()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "data", "check", "coco"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert (process.returncode, stderr) == (141, "")
