"""Image names stay in their folder, and a picture fits the annotations it is scored by."""

import json
from pathlib import Path

import pytest
from PIL import Image

from eagle_mllm.datasets.check import check
from eagle_mllm.datasets.coco import read_captions, read_objects
from eagle_mllm.datasets.images import ImageFolder
from eagle_mllm.datasets.mmvp import read as read_mmvp
from eagle_mllm.datasets.pope import read as read_pope
from eagle_mllm.datasets.reference import read as read_list
from eagle_mllm.errors import DataError

ORIENTATION = 0x0112
OUTSIDE = [
    "../secret.png",
    "a/../../secret.png",
    "/etc/secret.png",
    "//server/secret.png",
    "C:/secret.png",
    "C:secret.png",
    "..\\secret.png",
    "\\secret.png",
    "\\\\server\\share\\secret.png",
]
IMPOSSIBLE = ["a" * 5000, "a/" * 3000 + "b", "\ud800.png"]


@pytest.mark.parametrize("name", [*OUTSIDE, *IMPOSSIBLE], ids=lambda name: ascii(name[:20]))
def test_a_name_that_leads_out_or_cannot_be_is_refused_in_one_line(tmp_path, photo, name):
    photo(tmp_path / "secret.png")
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError) as error:
        ImageFolder(tmp_path / "images").find(name)
    assert "image name" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "sub\\a.png", "..a.png", "a..png"])
def test_a_name_inside_the_folder_is_found(tmp_path, photo, name):
    photo(tmp_path / name.replace("\\", "/"))
    assert ImageFolder(tmp_path).find(name).read().shape == (5, 6, 3)


def test_a_link_in_the_folder_may_lead_out(tmp_path, photo):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").symlink_to(photo(tmp_path / "elsewhere/b.png"))
    assert ImageFolder(tmp_path / "images").find("a.png").name == "a.png"


def test_a_device_is_no_image_of_a_folder(tmp_path):
    (tmp_path / "a.png").symlink_to("/dev/zero")
    folder = ImageFolder(tmp_path)
    assert folder.find("a.png") is None
    assert [problem.kind for problem in folder.problems()] == ["missing image"]


def _coco_objects(name, coco):
    images = [
        {"id": 1, "file_name": "000000000001.png", "height": 5, "width": 6},
        {"id": 2, "file_name": name, "height": 5, "width": 6},
    ]
    return read_objects(coco(images=images, instances=[coco.instance(2, 46), coco.instance(1, 17)]))


def _coco_captions(name, coco):
    images = [
        {"id": 1, "file_name": "000000000001.png", "height": 5, "width": 6},
        {"id": 2, "file_name": name, "height": 5, "width": 6},
    ]
    return read_captions(coco(images=images))


def _pope(name, coco):
    folder = coco()
    rows = [{"text": "A cat?", "label": "yes", "image": one} for one in ("000000000001.png", name)]
    (folder / "pope.json").write_text("\n".join(map(json.dumps, rows)))
    return read_pope(folder / "pope.json")


def _mmvp(name, coco):
    folder = coco()
    row = {"question": "Open?", "options": ["Yes", "No"], "answer": "a"}
    rows = [
        {**row, "question_id": number, "image_filename": one}
        for number, one in enumerate(("000000000001.png", name))
    ]
    (folder / "mmvp.json").write_text(json.dumps(rows))
    return read_mmvp(folder / "mmvp.json", images=folder / "val2017")


def _reference(name, coco):
    folder = coco()
    row = {
        "generate_sentence": "A cat.",
        "generated_ids": [[1, 10, 2]],
        "selected_interpretation_token_id": [0, 1],
        "selected_interpretation_token_word_id": [10, 2],
        "words": ["A cat.", ""],
    }
    rows = [{**row, "image_path": one} for one in ("000000000001.png", name)]
    (folder / "list.json").write_text(json.dumps(rows))
    return read_list(folder / "list.json")


READERS = [_coco_objects, _coco_captions, _pope, _mmvp, _reference]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__.strip("_"))
@pytest.mark.parametrize("name", ["../secret.png", "/secret.png", "x" * 5000])
def test_a_row_whose_image_cannot_be_named_so_costs_itself_alone(coco, photo, read, name):
    data = read(name, coco)
    assert len(data) == 1
    (problem,) = data.problems
    assert problem.kind == "malformed row"
    assert "image name" in problem.what
    assert problem.place.line == 2 or problem.place.entry.endswith(("[0]", "[1]"))


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__.strip("_"))
def test_a_name_that_is_not_unicode_costs_its_row_alone(coco, read):
    data = read("\ud800.png", coco)
    assert {problem.kind for problem in data.problems} == {"malformed row"}
    assert len(data) == 1


# --- Sizes and turned pictures -------------------------------------------------------------------


def _turned(path: Path, orientation: int, size: tuple[int, int] = (6, 5)) -> Path:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_a_picture_turned_against_its_boxes_is_flagged_and_left_out(coco, told, orientation):
    folder = coco()
    _turned(folder / "val2017/000000000001.png", orientation)
    data = read_objects(folder)
    assert [sample.image.name for sample in data] == ["000000000002.png"]
    assert told(data) == [("turned image", "instances_val2017.json: annotations[0]")]
    assert f"EXIF orientation {orientation} turns 000000000001.png" in data.problems[0].what
    assert len(read_captions(folder)) == 2  # nothing is scored by place there


def test_a_turned_picture_with_boxes_drawn_upright_is_used(coco):
    folder = coco()
    _turned(folder / "val2017/000000000001.png", 6, size=(5, 6))
    data = read_objects(folder)
    assert len(data) == 2
    assert data.problems == ()
    assert data[0].object.box_mask(data[0].image.read().shape[:2]).any()


def test_the_sides_of_a_square_do_not_tell_and_it_is_left_out(coco, told):
    folder = coco(
        images=[{"id": 1, "file_name": "000000000001.png", "height": 6, "width": 6}],
        instances=[coco.instance(1, 17)],
    )
    _turned(folder / "val2017/000000000001.png", 8, size=(6, 6))
    assert [kind for kind, _ in told(read_objects(folder))] == ["turned image"]


def test_a_picture_of_another_size_is_flagged_and_left_out(coco, told):
    folder = coco()
    Image.new("RGB", (12, 10)).save(folder / "val2017/000000000001.png")
    data = read_objects(folder)
    assert [sample.image.name for sample in data] == ["000000000002.png"]
    assert told(data) == [("other size", "instances_val2017.json: annotations[0]")]
    assert "has 10 x 12 pixels, and its annotations are for 5 x 6" in data.problems[0].what


def test_sizes_are_compared_without_unpacking_a_picture(coco, monkeypatch):
    from PIL import ImageFile

    folder = coco()
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("unpacked"))
    assert len(read_objects(folder)) == 2


def test_a_file_that_is_no_picture_is_flagged(coco, told):
    folder = coco()
    (folder / "val2017/000000000001.png").write_text("a cat")
    data = read_objects(folder)
    assert told(data) == [("unreadable image", "instances_val2017.json: annotations[0]")]


def test_the_check_says_what_is_turned(coco):
    folder = coco()
    _turned(folder / "val2017/000000000001.png", 6)
    kinds = {problem.kind for problem in check(folder).problems}
    assert kinds == {"turned image"}


def test_a_path_that_cannot_be_is_one_line():
    for path in ("x" * 5000, "a\0b"):
        with pytest.raises(DataError) as error:
            check(path)
        assert "\n" not in str(error.value)
