"""Other methods than EAGLE, from the options to the files."""

import json
from pathlib import Path

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
        (("--method", "centre", "--scale", "probability"), "--scale is an option of eagle"),
        (("--method", "centre", "--sensitive", 0.2), "--sensitive is an option of eagle"),
        (("--sensitive", 1), "sensitive must be from 0 to below 1, or None"),
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


@pytest.mark.usefixtures("planted")
def test_several_methods_are_compared_in_one_figure_and_one_page(eagle, picture):
    done = eagle(
        *("compare", picture, "--word", "cat", "--methods", "eagle, centre", *GRID, "--json")
    )
    assert done.exit_code == 0, done.stderr
    values = json.loads(done.stdout)
    assert [one["method"] for one in values["explanations"]] == ["eagle", "centre"]
    stored = [eagle_mllm.load(path) for path in values["files"]["explanation"]]
    assert [one.method for one in stored] == ["eagle", "centre"]
    assert stored[0].generation == stored[1].generation
    # Each pays for itself: four regions have 16 subsets, of which the centre needs eight.
    assert stored[1].forward_passes == 8
    assert "“cat” by 2 methods" in Path(values["files"]["report"]).read_text("utf-8")
    assert values["files"]["figure"].endswith("figure.png")


@pytest.mark.usefixtures("planted", "sketches")
def test_a_comparison_is_a_table_in_the_terminal(eagle, picture, monkeypatch):
    monkeypatch.setattr(
        eagle_mllm.report, "save_comparison", lambda _, path: path.write_text("a figure")
    )
    done = eagle("compare", picture, "--word", "cat", "--ranking", "pixels", *GRID)
    lines = done.stdout.splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.strip()}
    for method in ("eagle", "single-scan", "centre", "random"):
        assert method in rows
    assert rows["centre"][-1] == "128"
    assert any(line.startswith("4 methods, ") for line in lines)


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--methods", "eagle"), "two or more different methods"),
        (("--methods", "eagle,eagle"), "two or more different methods"),
        (("--methods", ""), "two or more different methods"),
        (("--methods", "eagle,tan"), "unknown method 'tan'"),
        (("--methods", "random,centre", "--search", "greedy"), "not of random, centre"),
        (("--word", "cat", "--word", "tree"), "about one target"),
        (("--prompt", " "), "--prompt"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(eagle, picture, options, words):
    done = eagle("compare", picture, *GRID, *options)
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.usefixtures("planted", "sketches")
def test_the_scale_and_the_tokens_sought_reach_the_search_and_the_file(eagle, picture):
    done = eagle(
        *("explain", picture, "--scale", "log-probability", "--sensitive", 0.2, *GRID, "--json")
    )
    found = eagle_mllm.load(json.loads(done.stdout)["files"]["explanation"])
    assert found.objective.scale == "log-probability"
    assert found.provenance["settings"]["sensitive"] == 0.2
    assert len(found.sensitive) < len(found.target)
