"""`eagle diagnose`: what it prints and writes, and what it refuses."""

import json

import pytest

ASK = ("--question", "Is there a moon?", "--n-regions", "16", "--regions", "grid")


@pytest.fixture
def liar(load):
    """Every model name loads a model that says Yes while it sees the left upper corner."""
    from eagle_mllm.testing import Evidence, PlantedModel

    yes = Evidence(boxes=[(0, 0, 12, 8)], rival="No")
    return load(PlantedModel("Yes.", {"Yes": yes}, prior=0.9))


def test_the_json_has_what_others_rely_on(eagle, picture, liar):
    done = eagle("diagnose", picture, *ASK, "--truth", "no", "--json", "--out", "here")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] is True
    assert told["outcome"] == "corrected"
    assert told["corrected_answer"] == "Yes."  # a planted model always says the same
    assert told["removed_regions"] == [0]
    assert 0 < told["removed_area"] <= told["removed_regions_area"] < 0.08
    assert told["removed_regions_area"] <= told["paper_removed_area"]
    assert 16 <= told["direct_passes"] < told["passes"]
    assert (told["right_spellings"], told["given_spellings"]) == ([" No", "No"], [" Yes", "Yes"])
    assert sorted(told["files"]) == ["diagnosis", "figure", "report"]


def test_a_wrong_answer_is_told_in_the_terminal_and_its_files_are_written(
    eagle, picture, liar, folder
):
    done = eagle("diagnose", picture, *ASK, "--truth", "No", "--out", "here")
    assert "Wrong: the model says “Yes.”, and the truth is “No”." in done.stdout
    assert "Corrected by hiding" in done.stdout
    assert {path.name for path in (folder / "here").iterdir()} == {
        "diagnosis.npz",
        "figure.png",
        "report.html",
    }
    again = eagle("diagnose", picture, *ASK, "--truth", "no", "--out", "here")
    assert again.exit_code == 2
    assert "already holds diagnosis.npz" in again.stderr
    shown = eagle("show", "here/diagnosis.npz", "--json")
    assert json.loads(shown.stdout)["explanations"][0]["target"] == "No"


def test_a_right_answer_is_told_in_one_line_and_leaves_no_files(eagle, picture, liar, folder):
    done = eagle("diagnose", picture, *ASK, "--truth", "yes", "--out", "here")
    assert done.exit_code == 0
    assert done.stdout == "Answered rightly: the model says “Yes.”, and the truth is “yes”.\n"
    assert not (folder / "here").exists()
    told = json.loads(eagle("diagnose", picture, *ASK, "--truth", "yes", "--json").stdout)
    assert (told["wrong"], told["passes"], told["files"]) == (False, 0, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--truth", "maybe"), "is neither yes nor no"),
        (("--truth", "red", "--answers", "blue,green"), "is not one of the closed answers"),
        (("--truth", "dog", "--word", "cat"), "is not in"),
    ],
)
def test_what_cannot_be_diagnosed_is_one_line(eagle, picture, liar, arguments, message):
    done = eagle("diagnose", picture, *ASK, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_question_is_needed_and_a_dry_run_only_tells_what_it_costs(eagle, picture, liar, folder):
    missing = eagle("diagnose", picture, "--truth", "no")
    assert missing.exit_code == 2
    assert "'--prompt': the prompt holds no text" in missing.stderr
    before = sorted(folder.iterdir())
    done = eagle("diagnose", picture, *ASK, "--truth", "no", "--dry-run", "--json")
    assert json.loads(done.stdout)["passes"] > 32
    assert sorted(folder.iterdir()) == before
    assert not liar
