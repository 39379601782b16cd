"""What a user reads when the hub does not give a model, and how soon."""

import os
import socket
import subprocess
import sys
import time

import pytest
from huggingface_hub import errors

from eagle_mllm.errors import ModelError
from eagle_mllm.loading import load_model

SCRIPT = """
import sys
from eagle_mllm.errors import EagleError
from eagle_mllm.loading import load_model
try:
    load_model(sys.argv[1], device="cpu")
except EagleError as error:
    print(error)
"""


def hub_error(kind):
    """An error as the hub's client raises it, whatever its constructor wants."""
    error = kind.__new__(kind)
    error.args = ("the hub said so\nand more",)
    return error


ANSWERS = {
    errors.GatedRepoError: "is gated: accept its licence on https://huggingface.co/some/model",
    errors.RepositoryNotFoundError: "there is no model 'some/model': neither a folder here nor",
    errors.RevisionNotFoundError: "some/model has no revision 'v7'; give a branch, tag or commit",
    errors.EntryNotFoundError: "some/model has no config.json, so it is not a transformers check",
    errors.OfflineModeIsEnabled: "cannot be reached (offline mode is on: HF_HUB_OFFLINE is set)",
    ConnectionError: "is not in the local cache, and the Hugging Face hub cannot be reached",
    TimeoutError: "is not in the local cache, and the Hugging Face hub cannot be reached",
}


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_every_answer_of_the_hub_says_what_to_do(monkeypatch, kind):
    from eagle_mllm.models import pretrained

    def answer(*_, **__):
        raise hub_error(kind)

    monkeypatch.setattr(pretrained, "get_hf_file_metadata", answer)
    with pytest.raises(ModelError) as error:
        load_model("some/model", device="cpu", revision="v7")
    message = str(error.value)
    assert ANSWERS[kind] in message
    assert "\n" not in message
    assert "no model" not in message or kind is errors.RepositoryNotFoundError


def asked(tmp_path, endpoint):
    """Loads a model of the hub in a process of its own; returns its message, stderr and seconds."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "0",
    }
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "some/model"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr, time.monotonic() - start


def test_a_hub_that_refuses_connections_is_told_without_retries(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message, stderr, _ = asked(tmp_path, f"http://127.0.0.1:{port}")
    assert "the Hugging Face hub cannot be reached" in message
    assert "hf download some/model" in message
    assert "there is no model" not in message
    assert message.count("\n") == 1
    assert "etry" not in stderr


def test_a_hub_that_never_answers_is_given_up_in_seconds(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        message, stderr, _ = asked(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "the Hugging Face hub cannot be reached" in message
    assert "etry" not in stderr


def test_a_model_in_the_cache_is_loaded_while_the_hub_is_away(checkpoint, monkeypatch, tmp_path):
    from huggingface_hub import constants

    commit = "0" * 40
    cached = tmp_path / "models--some--model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(commit)
    snapshot = cached / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for path in checkpoint("llava").iterdir():
        (snapshot / path.name).symlink_to(path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for revision in (None, "main", commit):
        model = load_model("some/model", device="cpu", revision=revision)
        assert model.info.id == "some/model"
        assert model.info.revision == commit
