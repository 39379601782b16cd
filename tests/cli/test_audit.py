"""`eagle audit`: the fields that others rely on, the files, and what is refused."""

import json

import pytest

GRID = ("--regions", "grid", "--n-regions", "8")


def test_the_json_has_what_others_rely_on(eagle, picture, planted):
    done = eagle("audit", picture, *GRID, "--fast", "--json", "--out", "here", "--model", "x")
    assert done.exit_code == 2, "a planted model cannot be asked about other things"
    assert "the planted model does not know" in done.stderr


def test_a_yes_or_no_is_audited_by_a_caption(eagle, picture, load, folder, monkeypatch):
    from eagle_mllm.hallucination import auditing
    from eagle_mllm.hallucination.calibration import Logistic
    from eagle_mllm.testing import Evidence, PlantedModel

    by_asking = Logistic(names=("again",), weights=(-2.0,), bias=0.0)
    monkeypatch.setattr(auditing, "shipped_calibrations", lambda: {"answer-thorough": by_asking})

    yes = Evidence(boxes=[(0, 0, 12, 8)], base=0.1, rival="No")
    words = {"A": Evidence(base=0.9), "moon": Evidence()}
    load(PlantedModel("Yes.", {"Yes": yes, **words}, prior=0.9))
    ask = ("--prompt", "Is there a moon in the image?", *GRID)
    done = eagle("audit", picture, *ask, "--json", "--out", "here")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    (word,) = told["words"]
    assert (word["text"], word["start"], word["stop"]) == ("Yes", 0, 3)
    assert 0.5 < word["unsupported"] <= 1  # its caption, "Yes." again, names no moon
    assert "moon" in word["reason"]
    assert told["passes"] > 2
    assert json.loads((folder / "here" / "audit.json").read_text()) == told
    assert (folder / "here" / "report.html").exists()
    shown = eagle("audit", picture, *ask, "--fix", "--out", "there")
    assert "1 of 1 words doubted" in shown.stdout
    assert "of the image: “Yes.”" in shown.stdout
    again = eagle("audit", picture, *ask, "--out", "here")
    assert again.exit_code == 2
    assert "already holds audit.json" in again.stderr


def test_an_answer_without_object_words_is_one_line(eagle, picture, load):
    from eagle_mllm.testing import PlantedModel

    load(PlantedModel("It is there.", {}))
    done = eagle("audit", picture, *GRID)
    assert done.exit_code == 2
    assert "has no object words" in done.stderr
    assert done.stderr.count("\n") == 1


def test_fast_and_fix_do_not_go_together(eagle, picture, planted):
    done = eagle("audit", picture, "--fast", "--fix")
    assert done.exit_code == 2
    assert "leave one of them out" in done.stderr


@pytest.mark.parametrize(("fast", "passes"), [((), 2 + 22 + 2 * 2), (("--fast",), 2 + 2)])
def test_a_dry_run_counts_the_content_words_of_a_given_answer(
    eagle, planted, picture, folder, fast, passes
):
    grid = ("--regions", "grid", "--n-regions", "16")
    answer = ("--answer", "A cat sits on a tree.")
    done = eagle("audit", picture, *grid, *answer, *fast, "--dry-run", "--json")
    assert json.loads(done.stdout)["passes"] == passes, done.stdout
    assert [path.name for path in folder.iterdir()] == ["photo.png"]
    assert not planted
