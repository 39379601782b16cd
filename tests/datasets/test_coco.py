"""COCO: which photographs and objects become samples, and what is said of the others."""

import json
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.datasets.coco import read_captions, read_objects
from eagle_mllm.errors import DataError


def _ids(data) -> list[str]:
    return [sample.id for sample in data]


def test_each_captioned_photograph_is_one_sample(coco) -> None:
    data = read_captions(coco())
    assert _ids(data) == ["000000000001", "000000000002"]
    assert data.counts == {"photos": 2, "captions": 3}
    assert data.problems == ()
    first = data[0]
    assert first.task == "caption"
    assert first.prompt.startswith("Describe the image in one factual English sentence")
    assert (first.answer, first.truth, first.object, first.names) == (None, None, None, ())
    assert first.image.read().shape == (5, 6, 3)


def test_a_photograph_without_captions_is_no_sample(coco) -> None:
    data = read_captions(coco(captions=[{"image_id": 2, "caption": "Wine."}]))
    assert _ids(data) == ["000000000002"]
    assert data.counts == {"photos": 2, "captions": 1}


def test_an_object_is_a_sample_where_it_is_the_only_one_of_its_category(coco) -> None:
    data = read_objects(coco())
    assert _ids(data) == [
        "000000000001-cat",
        "000000000002-wine-glass",
    ]  # and no dog: there are two
    assert data.counts == {"photos": 2, "boxes": 4, "categories": 3}
    assert data.problems == ()
    assert data[1].names == ("wine glass", "wine glasses", "wineglass", "wineglasses")


def test_boxes_become_edges_and_polygons_masks(coco) -> None:
    thing = read_objects(coco())[0].object
    assert thing.box == (1.0, 1.0, 5.0, 4.0)  # from left, top, width, height: 1, 1, 4, 3
    expected = np.zeros((5, 6), dtype=bool)
    expected[1:4, 1:5] = True
    assert np.array_equal(thing.mask((5, 6)), expected)
    assert np.array_equal(thing.box_mask((5, 6)), expected)


def test_run_lengths_are_read_in_both_forms(coco) -> None:
    plain = {"size": [5, 6], "counts": [6, 3, 2, 3, 2, 3, 2, 3, 6]}
    polygon = read_objects(coco())[0].object
    packed = {"size": [5, 6], "counts": polygon.segmentation.counts}
    for segmentation in (plain, packed):
        row = coco.instance(1, 17, segmentation=segmentation)
        assert read_objects(coco(instances=[row]))[0].object == polygon


def test_a_crowd_is_no_sample_and_hides_a_single_one(coco) -> None:
    crowd = {"size": [5, 6], "counts": [0, 30]}
    rows = [
        coco.instance(1, 17),
        coco.instance(1, 17, iscrowd=1, segmentation=crowd),
        coco.instance(2, 46, iscrowd=1, segmentation=crowd),
    ]
    assert _ids(read_objects(coco(instances=rows))) == []


def test_a_malformed_row_still_counts_as_one_more_of_its_category(coco, told) -> None:
    rows = [coco.instance(1, 17), coco.instance(1, 17, bbox="broken"), coco.instance(2, 46)]
    data = read_objects(coco(instances=rows))
    assert _ids(data) == ["000000000002-wine-glass"]
    name = "instances_val2017.json: annotations[1]"
    assert told(data) == [("malformed row", name)]


@pytest.mark.parametrize(
    ("row", "kind", "says"),
    [
        (None, "malformed row", "dictionary"),
        ({"image_id": 1}, "malformed row", "category_id: Field required"),
        ({"category_id": 99}, "unknown category", "category 99 is not listed"),
        ({"image_id": 99}, "malformed row", "image_id 99 is not among the images"),
        ({"bbox": [1, 1, 4]}, "malformed row", "bbox.3: Field required"),
        ({"bbox": [1, 1, 4, float("nan")]}, "malformed row", "bbox.3"),
        ({"bbox": [1, 1, 0, 3]}, "malformed row", "no part of the box"),
        ({"segmentation": [[1, 1, 5, 1]]}, "malformed row", "expected three or more"),
        ({"segmentation": [[7, 7, 11, 7, 11, 9]]}, "malformed row", "no pixel"),
        ({"segmentation": {"size": [6, 5], "counts": [30]}}, "malformed row", "[5, 6]"),
    ],
    ids=str,
)
def test_a_bad_object_costs_itself_alone(coco, row, kind, says) -> None:
    bad = row if row is None else coco.instance(2, 46, **row)
    if row == {"image_id": 1}:
        bad = row
    data = read_objects(coco(instances=[bad, coco.instance(1, 17)]))
    assert _ids(data) == ["000000000001-cat"]
    (problem,) = data.problems
    assert (problem.kind, problem.place.entry) == (kind, "annotations[0]")
    assert says in problem.what


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("text", "dictionary"),
        ({"image_id": 1}, "caption: Field required"),
        ({"image_id": 1, "caption": ""}, "caption: String should have at least 1"),
        ({"image_id": 99, "caption": "A."}, "image_id 99"),
    ],
    ids=str,
)
def test_a_bad_caption_costs_itself_alone(coco, row, says) -> None:
    data = read_captions(coco(captions=[{"image_id": 2, "caption": "Wine."}, row]))
    assert _ids(data) == ["000000000002"]
    (problem,) = data.problems
    assert problem.place.entry == "annotations[1]"
    assert says in problem.what


def test_bad_and_repeated_photographs_are_named(coco, told) -> None:
    good = {"id": 1, "file_name": "000000000001.png", "height": 5, "width": 6}
    images = [good, good, {**good, "id": 2, "height": 0}, {**good, "id": 3}]
    captions = [{"image_id": image, "caption": "A."} for image in (1, 3)]
    data = read_captions(coco(images=images, captions=captions))
    assert _ids(data) == ["000000000001"]
    assert told(data) == [
        ("malformed row", "captions_val2017.json: images[1]"),
        ("malformed row", "captions_val2017.json: images[2]"),
        ("repeated sample", "captions_val2017.json: images[3]"),
    ]


def test_a_missing_photograph_is_named_once_and_costs_its_samples(coco) -> None:
    folder = coco(instances=[coco.instance(1, 17), coco.instance(1, 18), coco.instance(2, 46)])
    (folder / "val2017/000000000001.png").unlink()
    data = read_objects(folder)
    assert _ids(data) == ["000000000002-wine-glass"]
    (problem,) = data.problems
    assert problem.kind == "missing image"
    assert problem.place.file == str(folder / "val2017/000000000001.png")
    assert "needed by 2 samples" in problem.what


def test_a_missing_folder_of_photographs_is_one_problem(coco) -> None:
    folder = coco()
    (folder / "val2017").rename(folder / "elsewhere")
    data = read_captions(folder)
    (problem,) = data.problems
    assert len(data) == 0
    assert "2 images" in problem.what
    assert "`images`" in problem.advice
    assert len(read_captions(folder, images=folder / "elsewhere")) == 2


def test_folder_and_file_give_the_same(coco) -> None:
    folder = coco()
    for reader, name in ((read_captions, "captions"), (read_objects, "instances")):
        by_file = reader(str(folder / f"annotations/{name}_val2017.json"))
        assert by_file == reader(folder) == reader(folder / "annotations")


def test_the_fingerprint_follows_the_annotations_and_what_is_usable(coco) -> None:
    first = read_captions(coco()).fingerprint
    assert read_captions(coco()).fingerprint == first
    changed = read_captions(coco(captions=[{"image_id": 1, "caption": "Other."}]))
    folder = coco()
    (folder / "val2017/000000000001.png").unlink()
    assert len({first, changed.fingerprint, read_captions(folder).fingerprint}) == 3


def test_the_prompt_can_be_chosen(coco) -> None:
    assert {sample.prompt for sample in read_captions(coco(), prompt="What is this?")} == {
        "What is this?"
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not JSON"),
        (b'{"images": [\n1,', ":2: is not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "an object with a list 'images'"),
        (b'{"images": 3}', "an object with a list 'images'"),
        (b'{"images": []}', "an object with a list 'annotations'"),
        (b"[" * 100_000, "nests too deep"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, content, says) -> None:
    file = tmp_path / "captions_val2017.json"
    file.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_captions(file)
    assert says in str(raised.value)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_must_hold_one_annotation_file(tmp_path: Path, coco) -> None:
    with pytest.raises(DataError, match="found none"):
        read_captions(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        read_captions(tmp_path / "nowhere")
    folder = coco()
    twin = folder / "annotations/captions_train2017.json"
    twin.write_text(json.dumps({}))
    with pytest.raises(DataError, match=r"captions_train2017.json, .*captions_val2017.json; give"):
        read_captions(folder)


def test_a_given_image_folder_must_exist(coco) -> None:
    with pytest.raises(DataError, match="there is no image folder"):
        read_captions(coco(), images="nowhere")
