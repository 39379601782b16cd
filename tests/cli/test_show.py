"""`eagle show` on stored explanations."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def stored(eagle, picture, planted):
    result = eagle(
        *("explain", picture, "--word", "cat", "--regions", "grid", "--n-regions", 8),
        *("--out", "kept", "--json"),
    )
    assert result.exit_code == 0
    return Path("kept/explanation.npz"), json.loads(result.stdout)


def test_a_stored_explanation_says_the_same_as_when_it_was_made(eagle, stored):
    path, when_made = stored
    shown = json.loads(eagle("show", path, "--json").stdout)
    assert shown.pop("files") == {"explanation": str(path)}
    when_made.pop("files")
    assert shown == when_made


def test_the_terminal_shows_answer_tokens_regions_and_scores(eagle, stored):
    path, values = stored
    result = eagle("show", path)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Describe the image.", "A cat sits on a tree."]
    evidence = values["explanations"][0]["tokens"][0]["evidence"]
    (row,) = [line for line in lines if line.split()[:2] == ["1", "cat"]]
    assert row.count("█") == round(20 * evidence)
    assert row.count("█") + row.count("░") == 20
    assert row.rstrip().endswith(f"{evidence:.3f}")
    top = values["explanations"][0]["regions"][0]
    assert any(
        line.split() == ["1", str(top["region"]), "12.5%", f"{top['probability']:.3f}"]
        for line in lines
    )
    assert any(
        line.startswith("method eagle, insertion AUC ") and "8 regions" in line for line in lines
    )


def test_a_terminal_without_unicode_gets_plain_bars(stored):
    from io import BytesIO, TextIOWrapper

    from rich.console import Console

    from eagle_mllm.cli.display import evidence_bar

    old = Console(file=TextIOWrapper(BytesIO(), encoding="ascii"))
    new = Console(file=TextIOWrapper(BytesIO(), encoding="utf-8"))
    assert evidence_bar(0.25, old).plain == "#####" + "." * 15
    assert evidence_bar(0.25, new).plain == "█████" + "░" * 15


def test_report_and_figure_are_written_where_asked_and_replaced_only_by_force(
    eagle, stored, folder
):
    path, _ = stored
    command = ("show", path, "--html", "cat.html", "--figure", "cat.svg")
    result = eagle(*command, "--json")
    assert json.loads(result.stdout)["files"] == {
        "explanation": str(path),
        "figure": "cat.svg",
        "report": "cat.html",
    }
    assert "<html" in (folder / "cat.html").read_text()
    assert "<svg" in (folder / "cat.svg").read_text()
    assert eagle(*command).exit_code == 2
    assert eagle(*command, "--force", "-q").exit_code == 0


def test_the_report_of_show_is_the_report_of_explain(eagle, stored, folder):
    path, values = stored
    assert eagle("show", path, "--html", "again.html", "-q").exit_code == 0
    assert (folder / "again.html").read_text() == Path(values["files"]["report"]).read_text()
