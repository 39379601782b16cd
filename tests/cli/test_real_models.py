"""The command as users run it: a process of its own, real weights, no network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eagle_mllm import load, scenes


def _eagle(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "eagle_mllm", *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


@pytest.mark.parametrize(
    "model",
    [
        "demo",
        pytest.param("demo/llava", marks=pytest.mark.slow),
        pytest.param("demo/internvl", marks=pytest.mark.slow),
    ],
)
def test_a_shipped_model_explains_a_scene_and_stdout_is_pure_json(folder, model):
    scenes.scene(3).image.save("scene.png")
    done = _eagle(
        *("explain", "scene.png", "--model", model, "--json"),
        *("--n-regions", "9", "--search", "greedy", "--budget", "46"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    values = json.loads(done.stdout)
    assert values["answer"]
    attribution = load(values["files"]["explanation"])
    assert attribution.provenance["model"]["id"] == model
    assert attribution.trace.searched == 2


def test_the_demo_needs_nothing_but_the_package(folder):
    done = _eagle("demo", "--n-regions", "4", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert Path(values["files"]["image"]).exists()
    assert set(values["answer"].split()) & set(scenes.scene(0).caption.split())
