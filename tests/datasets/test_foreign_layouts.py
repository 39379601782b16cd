"""Layouts that other tools export are read, or refused with the true reason."""

import json

import pytest

from eagle_mllm.datasets.check import check
from eagle_mllm.datasets.coco import read_objects
from eagle_mllm.datasets.mmvp import read as read_mmvp
from eagle_mllm.datasets.pope import read as read_pope
from eagle_mllm.errors import DataError

BOX = {"image_id": 0, "category_id": 1, "bbox": [1, 1, 4, 3], "area": 12, "iscrowd": 0}


def _document(name, **row):
    return {
        "info": {},
        "licenses": [],
        "categories": [
            {"id": 0, "name": "pets", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "pets"},
        ],
        "images": [{"id": 0, "license": 1, "file_name": name, "height": 5, "width": 6}],
        "annotations": [{"id": 0, **BOX, **row}],
    }


@pytest.mark.parametrize("outline", [{}, {"segmentation": []}, {"segmentation": None}])
def test_roboflows_folder_of_boxes_is_read(tmp_path, photo, write_json, outline) -> None:
    name = "cat_jpg.rf.0123456789abcdef.jpg"
    photo(tmp_path / "train" / name)
    file = write_json(tmp_path / "train/_annotations.coco.json", _document(name, **outline))
    for path in (file, file.parent, tmp_path):
        (sample,) = read_objects(path)
        assert sample.object.box == (1.0, 1.0, 5.0, 4.0)
        assert sample.object.box_mask((5, 6)).sum() == 12
        assert sample.object.mask((5, 6)) is None
    assert [(one.kind, len(one.data)) for one in check(tmp_path).found] == [("COCO objects", 1)]


def test_a_roboflow_folder_of_several_splits_is_told_to_give_one(tmp_path, write_json) -> None:
    for split in ("train", "valid"):
        write_json(tmp_path / split / "_annotations.coco.json", _document("a.jpg"))
    with pytest.raises(DataError, match=r"found train/_annotations.*, valid/.*; give the file"):
        read_objects(tmp_path)


@pytest.mark.parametrize("folder", ["images", "images/default"])
def test_cvats_folder_is_read(tmp_path, photo, write_json, folder) -> None:
    photo(tmp_path / folder / "frame_000000.PNG")
    document = _document("frame_000000.PNG", segmentation=[[1, 1, 5, 1, 5, 4, 1, 4]])
    write_json(tmp_path / "annotations/instances_default.json", document)
    (sample,) = read_objects(tmp_path)
    assert sample.object.mask((5, 6)).sum() == 12


def test_a_bad_piece_of_an_outline_is_noted_and_the_object_stays(coco, told) -> None:
    pieces = [[1, 1, 5, 1], [1, 1, 5, 1, 5, 4, 1, 4]]
    data = read_objects(coco(instances=[coco.instance(1, 17, segmentation=pieces)]))
    assert data[0].object.mask((5, 6)).sum() == 12
    assert told(data) == [("dropped piece", "instances_val2017.json: annotations[0]")]
    assert "polygon 0 has 2 corners" in data.problems[0].what


@pytest.mark.parametrize(
    ("segmentation", "says"),
    [
        ([[1, 1, 5, 1]], "polygon 0 has 2 corners, expected three or more"),
        ([[1, 1, 5, 1, 5]], "polygon 0 has 5 numbers, expected an even count"),
        ([[1, 1, 5, 1, 5, None]], "polygon 0 holds None, expected numbers"),
        ([[1, 1, 5, 1, 5, 900]], "polygon 0 reaches 900, far outside the image of 5 x 6 pixels"),
        ([1, 1, 5, 1, 5, 4], "write a polygon as [[x, y, ...]]"),
        ([[9, 9, 11, 9, 11, 11]], "it lies outside the image of 5 x 6 pixels"),
        ([[1, 1, 1.1, 1, 1.1, 1.1]], "it is thinner than a pixel"),
        ({"size": [6, 5], "counts": [30]}, "the mask is for [6, 5], expected the image's [5, 6]"),
        ({"size": [5, 6], "counts": [9]}, "the runs cover 9 pixels of 30"),
    ],
    ids=str,
)
def test_an_outline_that_cannot_be_is_told_its_real_cause(coco, segmentation, says) -> None:
    data = read_objects(coco(instances=[coco.instance(1, 17, segmentation=segmentation)]))
    (problem,) = data.problems
    assert problem.kind == "malformed row"
    assert says in problem.what


# --- POPE ----------------------------------------------------------------------------------------


def _questions(**other):
    row = {"question_id": 1, "image": "a.png", "text": "A cat?", "label": "yes", **other}
    return [row, {**row, "question_id": 2, "text": "A dog?"}]


def test_pope_may_be_one_json_list(tmp_path, photo, write_json) -> None:
    photo(tmp_path / "a.png")
    by_list = read_pope(write_json(tmp_path / "list.json", _questions()), images=tmp_path)
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, _questions())))
    by_line = read_pope(tmp_path / "list.jsonl", images=tmp_path)
    assert tuple(by_list) == tuple(by_line)
    assert len(by_list) == 2
    bad = write_json(tmp_path / "bad.json", [*_questions(), {"image": 3}, 7])
    places = [problem.place.entry for problem in read_pope(bad, images=tmp_path).problems]
    assert places == ["[2]", "[3]"]
    kinds = {one.file.name: one.kind for one in check(tmp_path, images=tmp_path).found}
    assert set(kinds.values()) == {"POPE"}


@pytest.mark.parametrize("label", ["Yes", " YES ", "yes"])
def test_labels_may_be_written_large(tmp_path, photo, write_json, label) -> None:
    photo(tmp_path / "a.png")
    data = read_pope(write_json(tmp_path / "a.json", _questions(label=label)), images=tmp_path)
    assert [sample.truth for sample in data] == ["Yes", "Yes"]


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_a_list_without_labels_is_refused_with_the_reason(tmp_path, ending) -> None:
    rows = [{key: row[key] for key in ("question_id", "image", "text")} for row in _questions()]
    file = tmp_path / f"a.{ending}"
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match="none of its 2 questions has a label"):
        read_pope(file)
    (problem,) = check(tmp_path).broken
    assert "none of its 2 questions has a label" in problem.what


def test_another_json_object_is_told_apart_from_lines(tmp_path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"questions": _questions()}, indent=1))
    with pytest.raises(DataError, match="is one JSON object over several lines"):
        read_pope(file)


# --- MMVP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("letters", ["(a) Open (b) Closed", "(A) Open (B) Closed"])
def test_mmvp_may_come_from_any_spreadsheet(tmp_path, photo, mark, letters) -> None:
    photo(tmp_path / "MMVP Images/1.jpg")
    right = letters[:3]
    lines = [
        mark.join(["Index", "Question", "Options", "Correct Answer"]),
        mark.join(["1", "Open?", letters, right]),
    ]
    (tmp_path / "Questions.csv").write_text("\n".join(lines))
    (sample,) = read_mmvp(tmp_path)
    assert (sample.prompt, sample.truth) == (f"Open? {letters}", right)
    assert [one.kind for one in check(tmp_path).found] == ["MMVP"]


@pytest.mark.parametrize(
    "options",
    [
        ["Open", "Closed"],
        ["(a) Open", "(b) Closed"],
        ["(A) Open", "(B) Closed"],
        "(a) Open (b) Closed",
        "(A) Open (B) Closed",
    ],
)
@pytest.mark.parametrize("answer", ["b", "B", "(b)", "(B)"])
def test_mmvp_options_may_bring_their_letters(tmp_path, photo, write_json, options, answer) -> None:
    photo(tmp_path / "images/1.jpg")
    row = {"question_id": 1, "image_filename": "1.jpg", "question": "Open?"}
    file = write_json(tmp_path / "q.json", [{**row, "options": options, "answer": answer}])
    (sample,) = read_mmvp(file)
    assert (sample.prompt, sample.truth) == ("Open? (a) Open (b) Closed", "(b)")
