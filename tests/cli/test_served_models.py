"""`--server`: the options that choose a served model, on any command that takes a model."""

import json

import pytest

from eagle_mllm import connecting
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.cli.commands import loaded
from eagle_mllm.cli.model_options import MODEL_OPTIONS
from eagle_mllm.errors import ModelError


@pytest.fixture
def connections(monkeypatch):
    """Let every address serve a planted model; how it was connected to is recorded."""
    from eagle_mllm.testing import Evidence, PlantedModel

    calls = []

    def connect_by(settings, *, model):
        calls.append((settings, model))
        return PlantedModel("A cat.", {"cat": Evidence(boxes=[(0, 0, 24, 32)], rival="dog")})

    monkeypatch.setattr(connecting, "connect_by", connect_by)
    return calls


COMMANDS = {
    "explain": ("--method", "centre"),
    "compare": ("--methods", "centre,random"),
}
GRID = ("--regions", "grid", "--n-regions", "4", "--word", "cat", "--quiet")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_takes_a_model_takes_a_server(
    eagle, connections, picture, sketches, command
):
    done = eagle(
        command, picture, *COMMANDS[command], *GRID,
        "--server", "http://a:1", "--server", "http://b:2", "--model", "llava",
        "--concurrency", "3", "--max-requests", "9", "--cache", "none", "--key-from", "MY_KEY",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    ((settings, model),) = connections
    assert model == "llava"
    assert settings.urls == ("http://a:1", "http://b:2")
    assert (settings.concurrency, settings.max_requests) == (3, 9)
    assert (settings.cache, settings.key_from) == (None, "MY_KEY")


@pytest.mark.parametrize("command", ["explain", "compare", "diagnose", "audit"])
def test_the_options_of_a_model_are_the_same_on_every_command(command):
    taken = {one.name for one in loaded(command).params}
    assert set(MODEL_OPTIONS) <= taken


def test_a_server_needs_no_name_of_its_only_model(eagle, connections, picture, sketches):
    eagle("explain", picture, "--method", "centre", *GRID, "--server", "http://a:1")
    ((_, model),) = connections
    assert model is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--server", "http://a", "--device", "cuda"), "'--device': is for weights"),
        (("--server", "http://a", "--pixels", "processor"), "'--pixels': is for weights"),
        (("--concurrency", "4"), "'--concurrency': goes with --server"),
        (("--max-requests", "4"), "'--max-requests': goes with --server"),
        (("--server", "http://a", "--concurrency", "0"), "neither 'auto' nor a whole number"),
        (("--server", "nonsense"), "is not the address of a server"),
        (("--server", "http://me:pass@a"), "holds a user, a password or a query"),
    ],
)
def test_an_option_that_would_have_no_effect_or_no_sense_is_refused(
    eagle, connections, picture, arguments, said
):
    done = eagle("explain", picture, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not connections


def test_a_server_that_is_gone_is_one_line(eagle, monkeypatch, picture):
    def gone(settings, *, model):
        raise ModelError("the server at http://a cannot be reached (refused); start it")

    monkeypatch.setattr(connecting, "connect_by", gone)
    done = eagle("explain", picture, "--server", "http://a")
    assert done.exit_code == 2
    assert done.stderr == (
        "eagle: error: the server at http://a cannot be reached (refused); start it\n"
    )


def test_a_dry_run_loads_nothing_and_tells_the_passes(eagle, planted, picture):
    done = eagle("explain", picture, *GRID[:4], "--search", "greedy", "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"passes": GreedySearch().planned_passes(4)}
    assert not planted


def test_a_dry_run_writes_no_files(eagle, planted, picture, folder):
    before = sorted(folder.iterdir())
    done = eagle("compare", picture, *GRID[:4], "--dry-run")
    assert "images to score; nothing was sent to the model" in done.stdout
    assert sorted(folder.iterdir()) == before
