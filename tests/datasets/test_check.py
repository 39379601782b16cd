"""Looking at a path: what is there is recognised by its content, and nothing makes it stop."""

import json
from pathlib import Path

import pytest

from eagle_mllm.datasets.check import check
from eagle_mllm.errors import DataError

QUESTION = {"image": "COCO_val2014_000000000001.png", "text": "Is there a cat?", "label": "yes"}
CHOICE = {
    "question_id": 1,
    "image_filename": "1.png",
    "question": "Open?",
    "options": ["Open", "Closed"],
    "answer": "a",
}
QUERY = {"id": 1, "image": "1.png", "query": "Is there a cat?"}
RECORD = {
    "image_path": "000000000001.png",
    "generate_sentence": "A cat.",
    "generated_ids": [[1, 10, 2]],
    "selected_interpretation_token_id": [0, 1],
    "selected_interpretation_token_word_id": [10, 2],
    "words": ["A cat.", ""],
}


@pytest.fixture
def shelf(coco, photo, write_json) -> Path:
    """A folder that holds one data set of each kind, two broken files and two strangers."""
    root = coco().parent
    photo(root / "mmvp/MMVP Images/1.png")
    photo(root / "mmvp/MMVP Images/2.jpg")
    write_json(root / "mmvp/any name.json", [CHOICE])
    csv = "Index,Question,Options,Correct Answer\n2,Q?,(a) A (b) B,(a)\n"
    (root / "mmvp/Questions.csv").write_text(csv)
    write_json(root / "lists/caption.json", ["broken", RECORD])
    (root / "lists/repope.json").write_text("broken\n" + json.dumps(QUESTION))
    (root / "lists/cut.json").write_text('[{"question":\n')
    (root / "lists/latin.json").write_bytes(b'["\xe9"]')
    write_json(root / "amber/query_discriminative.json", [QUERY])
    write_json(root / "amber/annotations.json", [{"id": 1, "type": "d", "truth": "yes"}])
    photo(root / "amber/image/1.png")
    write_json(root / "lists/package.json", {"name": "something else"})
    (root / "lists/table.csv").write_text("a,b\n1,2\n")
    (root / "lists/.hidden.json").write_text("{")
    (root / "lists/notes.txt").write_text("{")
    return root


def test_each_data_set_is_recognised_by_its_content(shelf) -> None:
    checked = check(shelf)
    seen = {str(one.file.relative_to(shelf)): (one.kind, len(one.data)) for one in checked.found}
    assert seen == {
        "amber/query_discriminative.json": ("AMBER", 1),
        "coco/annotations/captions_val2017.json": ("COCO captions", 2),
        "coco/annotations/instances_val2017.json": ("COCO objects", 2),
        "lists/caption.json": ("reference list", 1),
        "lists/repope.json": ("POPE", 1),
        "mmvp/Questions.csv": ("MMVP", 1),
        "mmvp/any name.json": ("MMVP", 1),
    }
    assert checked.is_usable


def test_broken_files_and_strangers_are_named_and_do_not_stop_it(shelf) -> None:
    checked = check(shelf)
    assert [path.name for path in checked.other] == [
        "annotations.json",  # of AMBER, read with its questions
        "package.json",
        "table.csv",
    ]
    assert [Path(problem.place.file).name for problem in checked.broken] == [
        "cut.json",
        "latin.json",
    ]
    assert {problem.kind for problem in checked.broken} == {"unreadable file"}
    rows = [problem for problem in checked.problems if problem.kind == "malformed row"]
    assert [str(row.place).removeprefix(str(shelf)) for row in rows] == [
        "/lists/caption.json: [0]",
        "/lists/repope.json:1",
    ]
    assert checked.problems[:2] == checked.broken


def test_one_file_is_checked_by_itself(shelf) -> None:
    checked = check(str(shelf / "lists/repope.json"))
    assert [one.kind for one in checked.found] == ["POPE"]
    assert check(shelf / "lists/package.json").is_usable is False


def test_a_list_of_one_question_is_no_other_json(shelf, tmp_path: Path) -> None:
    for name in ("one.json", "one.jsonl"):
        (tmp_path / name).write_text(json.dumps(QUESTION))
        assert [one.kind for one in check(tmp_path / name).found] == ["POPE"]


@pytest.mark.parametrize(
    "document",
    [
        3,
        [],
        ["a"],
        [{"a": 1}],
        {"images": [], "annotations": []},
        {"images": [{}], "annotations": [{"keypoints": [], "bbox": [], "segmentation": []}]},
        {"images": [{}], "annotations": [{"segments_info": []}]},
    ],
    ids=str,
)
def test_other_documents_are_strangers(tmp_path: Path, write_json, document) -> None:
    file = write_json(tmp_path / "x.json", document)
    checked = check(tmp_path)
    assert (checked.found, checked.problems, checked.other) == ((), (), (file,))
    assert not checked.is_usable


def test_images_can_be_elsewhere(coco, tmp_path: Path) -> None:
    folder = coco()
    (folder / "val2017").rename(tmp_path / "photos")
    without = check(folder)
    assert not without.is_usable
    assert [problem.kind for problem in without.problems] == ["missing image"] * 2
    assert check(folder, images=tmp_path / "photos").is_usable


def test_paths_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no .*nowhere"):
        check(tmp_path / "nowhere")
    with pytest.raises(DataError, match="there is no image folder"):
        check(tmp_path, images=tmp_path / "nowhere")
