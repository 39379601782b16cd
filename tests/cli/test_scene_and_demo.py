"""`eagle scene` and `eagle demo`: something to look at out of the box."""

import json

import numpy as np
import pytest
from PIL import Image

import eagle_mllm
from eagle_mllm import scenes

pytestmark = pytest.mark.usefixtures("sketches")


def test_a_scene_is_the_picture_of_its_seed(eagle, folder):
    result = eagle("scene", 7, "--out", "seven.png")
    assert result.exit_code == 0
    with Image.open(folder / "seven.png") as image:
        assert np.array_equal(np.asarray(image), np.asarray(scenes.scene(7).image))
    assert scenes.scene(7).caption in " ".join(result.stdout.split())
    assert result.stdout.rstrip().endswith("seven.png")


def test_the_json_of_a_scene_tells_what_is_true_of_it(eagle):
    values = json.loads(eagle("scene", 7, "--json").stdout)
    drawn = scenes.scene(7)
    assert values["image"] == "scene.png"
    assert values["caption"] == drawn.caption
    assert [tuple(one["box"]) for one in values["objects"]] == [one.box for one in drawn.objects]
    assert [one["answer"] for one in values["questions"]] == [one.answer for one in drawn.questions]


def test_a_scene_replaces_a_file_only_by_force(eagle):
    assert eagle("scene", 1, "-q").exit_code == 0
    assert eagle("scene", 2, "-q").exit_code == 2
    assert eagle("scene", 2, "-q", "--force").exit_code == 0


def test_the_demo_explains_a_scene_and_says_where_the_files_are(eagle, folder, planted):
    result = eagle("demo", "--n-regions", 4)
    assert result.exit_code == 0
    assert "A cat sits on a tree." in result.stdout
    assert planted[0]["name"] == "demo"
    written = sorted(path.name for path in (folder / "eagle-out/demo").iterdir())
    assert written == ["explanation.npz", "figure.png", "report.html", "scene.png"]
    for name in written:
        assert f"eagle-out/demo/{name}" in result.stdout


def test_the_demo_can_be_run_again_on_another_scene(eagle, folder, planted):
    assert eagle("demo", "--n-regions", 2, "-q").exit_code == 0
    assert eagle("demo", "--n-regions", 2, "-q", "--seed", 3, "--word", "cat").exit_code == 0
    attribution = eagle_mllm.load("eagle-out/demo/explanation.npz")
    assert np.array_equal(attribution.generation.image, np.asarray(scenes.scene(3).image))
    assert attribution.target.text == "cat"
