"""One way to run a command in this process, on a model whose answer is known.

The package is imported inside the fixtures: the shape checker must hook in first.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ANSWER = "A cat sits on a tree."
QUIET_TERMINAL = {
    "COLUMNS": "100",
    "FORCE_COLOR": None,
    "NO_COLOR": "1",
    "TTY_COMPATIBLE": None,
    "TTY_INTERACTIVE": None,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def picture(folder: Path) -> Path:
    """A picture of 48 x 32 pixels, bright on the left."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:, :24] = 200
    path = folder / "photo.png"
    Image.fromarray(pixels).save(path)
    return Path("photo.png")


@pytest.fixture
def eagle(folder: Path) -> Callable[..., Any]:
    """Run `eagle ARGUMENTS...`; the result has exit_code, stdout, stderr."""
    from typer.testing import CliRunner

    from eagle_mllm.cli.main import app

    def run(*arguments: object, **environment: str) -> Any:
        return CliRunner(env={**QUIET_TERMINAL, **environment}).invoke(
            app, [str(one) for one in arguments], prog_name="eagle", catch_exceptions=False
        )

    return run


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that take no time to draw, for tests that look at other things."""
    from eagle_mllm import report

    def save_figure(attribution: Any, path: Path, **_: Any) -> None:
        path.write_text(f"a figure of {attribution.target.text}")

    monkeypatch.setattr(report, "save_figure", save_figure)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[dict[str, Any]]]:
    """Let every model name load the given model; the calls of `load_model` are recorded."""
    from eagle_mllm import loading

    def install(model: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def load_model(name: str, **options: Any) -> Any:
            calls.append({"name": name, **options})
            if isinstance(model, BaseException):
                raise model
            return model

        monkeypatch.setattr(loading, "load_model", load_model)
        return calls

    return install


@pytest.fixture
def planted(load: Callable[[Any], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Every model name loads a model that sees its cat in the left half."""
    from eagle_mllm.testing import Evidence, PlantedModel

    evidence = {
        "cat": Evidence(boxes=[(0, 0, 24, 32)], rival="dog"),
        "tree": Evidence(boxes=[(24, 0, 48, 32)]),
    }
    return load(PlantedModel(ANSWER, evidence, prior=0.9))
