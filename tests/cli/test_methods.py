"""Other methods than EAGLE, from the options to the files."""

import json

import numpy as np
import pytest

import eagle_mllm

GRID = ("--regions", "grid", "--n-regions", 4)


@pytest.mark.usefixtures("planted", "sketches")
@pytest.mark.parametrize("method", ["random", "centre", "single-scan"])
def test_a_baseline_gives_the_files_that_eagle_gives(eagle, picture, method):
    done = eagle("explain", picture, "--word", "cat", "--method", method, *GRID, "--json")
    values = json.loads(done.stdout)
    assert values["method"] == method
    found = eagle_mllm.load(values["files"]["explanation"])
    assert found.provenance["settings"]["ranking"] == "regions"
    assert found.objective is None
    assert len(found.regions) == 4


@pytest.mark.usefixtures("planted")
def test_by_pixels_the_regions_are_64_steps_that_can_be_stored_drawn_and_shown(eagle, picture):
    done = eagle(
        *("explain", picture, "--word", "cat", "--method", "centre", "--ranking", "pixels"),
        *("--fill", "mean", *GRID, "--json"),
    )
    values = json.loads(done.stdout)
    assert values["regions"] == {
        "method": "pixels",
        "asked": 64,
        "count": 64,
        "unseen": 0,
        "shape": [32, 48],
    }
    found = eagle_mllm.load(values["files"]["explanation"])
    assert found.provenance["settings"]["fill"] == "mean"
    np.testing.assert_allclose(found.regions.areas, 1 / 64)
    assert eagle("show", values["files"]["explanation"]).exit_code == 0


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "random", "--search", "greedy"), "--search is an option of eagle"),
        (("--method", "random", "--search", "multilevel"), "--search is an option of eagle"),
        (("--method", "centre", "--budget", 99), "--budget is an option of eagle"),
        (("--method", "centre", "--insight", 2), "--insight is an option of eagle, not of centre"),
        (("--method", "centre", "--necessity", 1), "--necessity is an option of eagle"),
        (("--ranking", "regions"), "--ranking is an option of other methods"),
        (("--method", "tan"), "unknown method 'tan'"),
        (("--method", ""), "unknown method ''"),
    ],
)
def test_an_option_of_another_method_is_refused_in_one_line(eagle, picture, options, words):
    done = eagle("explain", picture, *GRID, *options)
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout
