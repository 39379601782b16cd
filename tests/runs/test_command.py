"""`eagle run` by what it prints. The command stands alone here, as it does in the group."""

import json

import pytest
import typer
from typer.testing import CliRunner

from eagle_mllm.cli.problems import EagleGroup
from eagle_mllm.cli.run import run
from eagle_mllm.errors import ModelError


@pytest.fixture
def eagle(planted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(cls=EagleGroup)
    app.callback()(lambda: None)
    app.command()(run)

    def invoke(*arguments):
        return CliRunner().invoke(app, ["run", *map(str, arguments)], catch_exceptions=False)

    return invoke


def test_one_line_says_how_it_went_and_where_it_is(eagle, settings_file, planted):
    planted.errors = {2: ModelError("out of memory")}
    done = eagle(settings_file(), "--limit", 3)
    assert done.exit_code == 0
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith(
        "2 done, 0 not applicable, 1 failed (--retry-failed tries again): runs/tiny-"
    )
    again = eagle(settings_file(), "--limit", 3, "--retry-failed")
    assert again.stdout.startswith("3 done, 0 not applicable, 0 failed: runs/tiny-")


def test_the_same_as_json(eagle, settings_file):
    done = eagle(settings_file(), "--limit", 2, "--offset", 1, "--out", "there", "--json")
    values = json.loads(done.stdout)
    folder = values.pop("folder")
    assert folder.startswith("there/tiny-")
    none = dict.fromkeys(["not_applicable", "failed", "problems", "set_aside", "adopted"], 0)
    assert values == {"planned": 2, "done": 2, **none}


def test_quiet_prints_nothing(eagle, settings_file):
    done = eagle(settings_file(), "--limit", 1, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_options_win_over_set_and_set_over_the_file(eagle, settings_file):
    done = eagle(
        *(settings_file(), "--json", "--set", "run.limit=1", "--limit", 2),
        *("--set", "regions.count=5", "--set", "name=other"),
    )
    values = json.loads(done.stdout)
    assert values["planned"] == 2
    assert values["folder"].startswith("runs/other-")


def test_the_shards_of_a_command_are_the_whole(eagle, settings_file):
    parts = [
        json.loads(eagle(settings_file(), "--json", "--shard", f"{i}/2").stdout) for i in (1, 2)
    ]
    assert [part["done"] for part in parts] == [3, 3]
    assert json.loads(eagle(settings_file(), "--json").stdout)["done"] == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "3/2"], "there is no shard 3/2; expected 1/N to N/N"),
        (["--shard", "1/" + "9" * 5000], "is not a shard; write 2/4"),
        (["--shard", "2"], "'2' is not a shard; write 2/4 for the second of four"),
        (["--set", "regions.cuont=3"], "unknown setting 'regions.cuont'; did you mean 'count'?"),
        (["--set", "regions"], "write key=value"),
        (["--set", "data.tsak=vqa"], "no setting 'tsak'; did you mean 'task'?"),
        (["--set", "data.set=${WORLD}"], "${WORLD}, which has no value"),
        (["--workers", "2"], "goes with --executor ray"),
        (["--offset", "9"], "offset is 9"),
        (["--out", "caption.toml"], "cannot write caption.toml/tiny-"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_code_2(eagle, settings_file, arguments, message):
    done = eagle(settings_file(), *arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("eagle: error: ")
    assert message in line
