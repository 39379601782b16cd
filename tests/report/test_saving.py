"""Reports on disk are whole, or not there."""

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

    with pytest.raises(ResultError, match=r"no format 'docx'; use one of .*pdf.*png"):
        report.save_figure(cases("word"), tmp_path / "figure.docx")
    assert list(tmp_path.iterdir()) == []


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
