"""Reports on disk are whole, or not there."""

import os
import subprocess
import sys

import pytest


def test_a_page_is_saved_as_it_is_written(cases, tmp_path):
    from eagle_mllm import report

    report.save_html(cases("hostile"), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_bytes().decode("utf-8")
    assert text == report.html(cases("hostile"))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("name", "magic"),
    [("a.png", b"\x89PNG"), ("a.PDF", b"%PDF"), ("a.svg", b"<?xml"), ("a", b"\x89PNG")],
)
def test_the_ending_chooses_the_format_of_a_figure(cases, tmp_path, name, magic):
    from eagle_mllm import report

    report.save_figure(cases("word"), tmp_path / name, dpi=40)
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_unknown_format_is_refused_with_the_known_ones(cases, tmp_path):
    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    with pytest.raises(
        ResultError, match=r"unknown figure format 'docx'; choose one of .*pdf.*png"
    ):
        report.save_figure(cases("word"), tmp_path / "figure.docx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "ending", ["png", "pdf", "svg", "svgz", "ps", "eps", "jpg", "tif", "webp", "raw", "pgf"]
)
def test_a_format_of_matplotlib_is_written_or_refused_in_one_line(cases, tmp_path, ending):
    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    refused = None
    try:
        report.save_figure(cases("chinese"), tmp_path / f"figure.{ending}", dpi=20)
    except ResultError as error:
        refused = str(error)
    assert refused is None or len(refused.splitlines()) == 1
    assert len(list(tmp_path.iterdir())) == (refused is None)
    assert (refused is not None) == (ending == "pgf")


def test_a_format_that_fails_here_is_refused_with_the_reason(cases, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    def fail(self, *arguments, **options):
        raise RuntimeError("xelatex not found\ninstall it")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(ResultError, match=r"^cannot write .*a\.png: xelatex not found"):
        report.save_figure(cases("word"), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_figure_of_several_files_is_refused(cases, tmp_path):
    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    with pytest.raises(ResultError, match="unknown figure format 'pgf'"):
        report.save_figure(cases("word"), tmp_path / "a.pgf")


PROGRAM = """
import os, sys
import numpy as np, eagle_mllm as eagle
from eagle_mllm.testing import PlantedModel
answer = PlantedModel("a cat", {}).generate(np.zeros((8, 8, 3), np.uint8), "?")
regions = eagle.Regions.from_labels(np.arange(64).reshape(8, 8) // 32)
cat = answer.find("cat")
attribution = eagle.attribute(PlantedModel("a cat", {}), answer, cat, regions=regions)
eagle.report.save_figure(attribution, sys.argv[1])
import matplotlib
print(os.environ["MPLBACKEND"], matplotlib.rcParams._get("backend"))
"""


# The first is that of notebooks, known only where they are installed.
@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "pdf"])
def test_the_backend_of_a_notebook_does_not_matter_and_is_left_to_the_user(tmp_path, backend):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": backend},
    )
    assert done.stderr == ""
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    variable, chosen = done.stdout.split(maxsplit=1)
    assert variable == backend
    assert backend != "pdf" or chosen.strip() == "pdf"


def test_a_missing_folder_is_named(cases, tmp_path):
    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    with pytest.raises(ResultError, match="no folder"):
        report.save_html(cases("word"), tmp_path / "nowhere" / "report.html")


def test_a_figure_can_be_asked_for_again_after_a_page(cases):
    from eagle_mllm import report

    # Modules inside a package shadow functions of the same name once they are imported.
    report.html(cases("word"))
    report.figure(cases("word"))
    assert callable(report.figure)
    assert callable(report.html)
    assert callable(report.fragment)
