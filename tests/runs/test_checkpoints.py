"""A model folder that was replaced is another model, whatever its path."""

import pytest

from eagle_mllm.errors import ModelError
from eagle_mllm.runs.checkpoints import checkpoint_digest
from eagle_mllm.runs.store import load_run


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "model"
    place.mkdir()
    (place / "config.json").write_text("{}")
    (place / "tokenizer.json").write_text("{}")
    (place / "model.safetensors").write_bytes(bytes(10_000_000))
    return place


def _set_byte(path, place):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")


def test_the_same_files_elsewhere_are_the_same_model(folder):
    digest = checkpoint_digest(folder)
    elsewhere = folder.rename(folder.with_name("other"))
    assert checkpoint_digest(elsewhere) == digest
    assert len(digest) == 32


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja"])
def test_every_file_that_a_model_is_made_of_counts(folder, name):
    before = checkpoint_digest(folder)
    (folder / name).write_text("{ }")
    assert checkpoint_digest(folder) != before


def test_every_byte_of_the_weights_counts(folder):
    before = checkpoint_digest(folder)
    _set_byte(folder / "model.safetensors", 1_234_567)
    assert checkpoint_digest(folder) != before


def test_of_a_large_checkpoint_blocks_are_read_from_the_first_byte_to_the_last(folder):
    seen = set()
    for place in (0, 5_050_000, 9_999_999):
        seen.add(checkpoint_digest(folder, whole=1000))
        _set_byte(folder / "model.safetensors", place)
    (folder / "model.safetensors").write_bytes(bytes(9_999_999))
    seen.add(checkpoint_digest(folder, whole=1000))
    assert len(seen) == 4


def test_notes_about_a_model_do_not_count(folder):
    before = checkpoint_digest(folder)
    (folder / "README.md").write_text("about it")
    (folder / "runs").mkdir()
    assert checkpoint_digest(folder) == before


def test_a_file_that_cannot_be_read_is_one_line(folder, monkeypatch):
    def broken(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(folder), "open", broken)
    with pytest.raises(ModelError, match=r"cannot read .*model: Input/output error; check"):
        checkpoint_digest(folder)


@pytest.mark.usefixtures("planted")
def test_a_run_with_other_weights_under_the_same_path_has_another_folder(explain, folder):
    settings = {"run.limit": 1, "model.id": str(folder)}
    first, again = explain(settings), explain(settings)
    assert first.folder == again.folder
    _set_byte(folder / "model.safetensors", 5)
    assert explain(settings).folder != first.folder
    details = load_run(first.folder).made_with["model"]["details"]
    assert len(details["files"]) == 32
