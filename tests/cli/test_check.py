"""`eagle check`: the model by position or by option, and what it leaves behind."""

import json

import pytest


@pytest.fixture
def examined(monkeypatch):
    """Models pass one step, and nothing is computed."""
    from eagle_mllm.models import examination

    def examine(model, pictures):
        yield "model", {"ok": True, "found": model.info.id}

    monkeypatch.setattr(examination, "examine", examine)


@pytest.mark.parametrize("arguments", [("my/model",), ("--model", "my/model")])
def test_the_model_is_named_by_position_or_by_option(eagle, planted, examined, arguments):
    done = eagle("check", *arguments, "--dtype", "bfloat16")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "ok    model        planted\n"
    assert [call["name"] for call in planted] == ["my/model"]
    assert planted[0]["dtype"] == "bfloat16"


def test_without_a_name_the_demo_is_checked_and_a_file_is_written(eagle, planted, examined, folder):
    done = eagle("check", "--out", "check.json", "--json")
    assert planted[0]["name"] == "demo"
    assert json.loads(done.stdout) == json.loads((folder / "check.json").read_text())


def test_a_model_named_twice_is_refused(eagle, planted, examined):
    done = eagle("check", "my/model", "--model", "other/model")
    assert done.exit_code == 2
    assert "named twice" in done.stderr
    assert not planted
