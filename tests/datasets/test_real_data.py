"""The real files, where a copy of them lies beside the checkout."""

import json
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.datasets import mmvp, pope, reference
from eagle_mllm.datasets.check import check
from eagle_mllm.datasets.coco import read_captions, read_objects

DATA = Path(__file__).parents[3] / "shared" / "data"
PHOTOS = DATA / "coco" / "val2017"
LISTS = DATA / "eagle-lists"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="there is no shared/data beside the checkout"
)

# Rows of each list, all of which have their photograph in the sample but those of MMVP.
ROWS = {
    "LLaVA-1_5-7B-RePOPE-FP": ("existence", 1),
    "Qwen2.5-VL-3B-RePOPE-TN": ("existence", 1),
    "Qwen2.5-VL-3B-coco-caption": ("caption", 2),
    "Qwen2.5-VL-7B-coco-caption": ("caption", 2),
    "coco_single_target_once_llava-1_5-7B": ("object", 1),
    "coco_single_target_once_qwen25vl-3B": ("object", 7),
    "coco_single_target_once_qwen25vl-7B": ("object", 6),
}


def test_the_sample_of_coco_has_79_photographs_395_captions_and_624_boxes() -> None:
    captions, objects = read_captions(DATA / "coco"), read_objects(DATA / "coco")
    assert captions.counts == {"photos": 79, "captions": 395}
    assert objects.counts == {"photos": 79, "boxes": 624, "categories": 80}
    assert (len(captions), len(objects)) == (79, 182)
    assert (captions.problems, objects.problems) == ((), ())


def test_masks_lie_in_their_boxes_and_have_cocos_area() -> None:
    document = json.loads((DATA / "coco/annotations/instances_val2017.json").read_text())
    category = {row["id"]: row["name"].replace(" ", "-") for row in document["categories"]}
    area = {
        f"{row['image_id']:012d}-{category[row['category_id']]}": row["area"]
        for row in document["annotations"]
        if not row["iscrowd"]
    }
    for sample in read_objects(DATA / "coco"):
        shape = sample.object.segmentation.size
        mask, box = sample.object.mask(shape), sample.object.box_mask(shape)
        assert not (mask & ~box).any()
        # COCO measures the polygon, we count pixels: they differ along the border alone.
        border = 2 * sum(np.ptp(np.argwhere(mask), axis=0)) + 4
        assert abs(mask.sum() - area[sample.id]) <= 2 * border


@pytest.mark.parametrize(("name", "expected"), ROWS.items(), ids=list(ROWS))
def test_every_row_of_the_lists_of_the_reference_is_a_sample(name, expected) -> None:
    data = reference.read(LISTS / f"{name}.json")
    assert data.problems == ()
    assert ({sample.task for sample in data}, len(data)) == ({expected[0]}, expected[1])
    for sample in data:
        assert sample.answer
        assert sample.answer_ids
        assert sample.image.path.parent.name == "val2017"


def test_recorded_objects_are_those_of_coco() -> None:
    ours = {sample.id: sample for sample in read_objects(DATA / "coco")}
    listed = [
        one for name in ROWS if "single" in name for one in reference.read(LISTS / f"{name}.json")
    ]
    assert len(listed) == 14
    for sample in listed:
        same = ours[sample.id]
        shape = same.image.read().shape[:2]
        assert np.array_equal(sample.object.mask(shape), same.object.mask(shape))
        # Theirs are rounded to whole pixels.
        assert np.abs(np.subtract(sample.object.box, same.object.box)).max() <= 1
        assert set(same.names) <= set(sample.names)


def test_the_answers_that_were_wrong_are_not_the_truth() -> None:
    for name in ("LLaVA-1_5-7B-RePOPE-FP", "Qwen2.5-VL-3B-RePOPE-TN"):
        (sample,) = reference.read(LISTS / f"{name}.json")
        assert not sample.answer.startswith(sample.truth)


@pytest.mark.parametrize("path", sorted(LISTS.glob("*MMVP*.json")), ids=lambda path: path.stem)
def test_mmvps_photographs_are_named_missing(path) -> None:
    data = reference.read(path, images=PHOTOS)
    assert (len(data), data.counts) == (0, {"rows": 3})
    assert [problem.kind for problem in data.problems] == ["missing image"] * 3


def test_all_300_questions_of_mmvp_are_read_once_their_photographs_are_there(
    tmp_path, photo
) -> None:
    for number in range(1, 301):
        (tmp_path / f"{number}.jpg").touch()
    data = mmvp.read(DATA / "mmvp/questions.json", images=tmp_path)
    assert len(data) == 300
    assert data[0].prompt == (
        "Are the butterfly's wings closer to being open or closed? (a) Open (b) Closed"
    )
    assert [str(problem.place.entry) for problem in data.problems] == [
        "[98]",
        "[99]",
        "[278]",
        "[279]",
    ]
    pairs = zip(data[::2], data[1::2], strict=True)
    assert all(first.truth != second.truth for first, second in pairs)


@pytest.mark.parametrize(
    ("kind", "yes", "no"),
    [("random", 1159, 1615), ("popular", 1193, 1534), ("adversarial", 1187, 1497)],
)
def test_repopes_lists_are_read_whole(kind, yes, no) -> None:
    data = pope.read(DATA / f"repope/coco_repope_{kind}.json", images=PHOTOS)
    assert data.counts == {"yes": yes, "no": no}
    assert {problem.kind for problem in data.problems} == {"missing image"}
    # Two of the 500 photographs of COCO 2014 are in the sample, under their newer names.
    assert len(data) == 11
    assert len(data.problems) == 498


def test_the_whole_folder_is_recognised() -> None:
    checked = check(DATA)
    assert (checked.broken, checked.other) == ((), ())
    assert len(checked.found) == 2 + len(ROWS) + 4 + 1 + 3
    assert sum(len(one.data) for one in checked.found) == 79 + 182 + 20 + 33
