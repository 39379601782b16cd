"""A run on generated scenes and a planted model. The package is imported inside the fixtures."""

import json
from pathlib import Path

import pytest

SETTINGS = """
name = "tiny"
[data]
set = "scenes"
task = "{task}"
count = 6
[model]
id = "planted"
[regions]
method = "grid"
count = 4
"""


@pytest.fixture
def settings_file(tmp_path):
    """A configuration file: six scenes, four regions; the model's name stands for any."""

    def write(task="caption"):
        path = tmp_path / f"{task}.toml"
        path.write_text(SETTINGS.format(task=task))
        return path

    return write


@pytest.fixture
def planted(monkeypatch):
    """Let every model name load a planted model, which can be told to fail at some answers."""
    from eagle_mllm import loading
    from eagle_mllm.testing import Evidence, PlantedModel

    class Fallible(PlantedModel):
        def __init__(self):
            star = Evidence(boxes=[(0, 0, 112, 112)], rival="heart")
            super().__init__("a small star", {"star": star, "Yes": star, "No": star})
            self.errors = {}
            self.answers = 0

        def generate(self, image, prompt, **options):
            self.answers += 1
            if self.answers in self.errors:
                raise self.errors[self.answers]
            return super().generate(image, prompt, **options)

    model = Fallible()
    monkeypatch.setattr(loading, "load_model", lambda name, **options: model)
    return model


@pytest.fixture
def explain(settings_file, tmp_path):
    """Run the file in this process, with some settings replaced."""
    from eagle_mllm.runs.config import load_config
    from eagle_mllm.runs.executors import SerialExecutor
    from eagle_mllm.runs.runner import run

    def start(settings=None, *, out="out", task="caption", **options):
        config = load_config(settings_file(task), settings=settings)
        return run(config, SerialExecutor(), out=tmp_path / out, **options)

    start.folders = lambda: list((tmp_path / "out").iterdir())
    return start


@pytest.fixture
def results():
    """Every file of a run but the journal, by its name."""

    def read(folder: Path):
        files = (path for path in folder.rglob("*") if path.is_file())
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        found.pop("journal.jsonl", None)
        description = json.loads(found["run.json"])
        description["made_with"].pop("git")  # somebody may commit while the tests run
        return {**found, "run.json": json.dumps(description).encode()}

    return read
