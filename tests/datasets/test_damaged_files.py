"""Whatever an annotation file holds, it gives a data set or one line that says why not."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.datasets import DataError, DataSet
from eagle_mllm.datasets.check import check
from eagle_mllm.datasets.coco import read_captions, read_objects
from eagle_mllm.datasets.mmvp import read as read_mmvp
from eagle_mllm.datasets.pope import read as read_pope
from eagle_mllm.datasets.reference import read as read_list

RECORD = {
    "generate_sentence": "A cat.",
    "generated_ids": [[1, 10, 11]],
    "image_path": "1.png",
    "selected_interpretation_token_id": [0, 1],
    "selected_interpretation_token_word_id": [10, 11],
    "words": ["A", " cat."],
}
OBJECT = {
    "generate_sentence": "A cat.",
    "generated_ids": [1, 10, 11, 2],
    "image_path": "1.png",
    "output_word_id": [10, 11, 2],
    "select_category": "cat",
    "location": [1, 1, 5, 4],
    "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]],
    "target_generated_index": 1,
    "target_generated_id": 11,
}
QUESTION = {
    "question_id": "1",
    "image_filename": "1.png",
    "question": "Open?",
    "options": ["Open", "Closed"],
    "answer": "a",
}
PHOTO = {"id": 1, "file_name": "1.png", "height": 5, "width": 6}
RUNS = {"size": [5, 6], "counts": [6, 3, 2, 3, 2, 3, 2, 3, 6]}
FILES: dict[str, tuple[Callable[..., DataSet], str, object]] = {
    "captions": (
        read_captions,
        "captions_x.json",
        {"images": [PHOTO], "annotations": [{"image_id": 1, "caption": "A cat."}]},
    ),
    "objects": (
        read_objects,
        "instances_x.json",
        {
            "images": [PHOTO],
            "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}],
            "annotations": [
                {
                    "image_id": 1,
                    "category_id": 7,
                    "bbox": [1, 1, 4, 3],
                    "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]],
                },
                {"image_id": 1, "category_id": 8, "bbox": [1, 1, 4, 3], "segmentation": RUNS},
            ],
        },
    ),
    "POPE": (
        read_pope,
        "pope.jsonl",
        {"question_id": 1, "image": "1.png", "text": "A cat?", "label": "yes"},
    ),
    "MMVP": (read_mmvp, "mmvp.json", [QUESTION, {**QUESTION, "question_id": 2}]),
    "MMVP in CSV": (
        read_mmvp,
        "mmvp.csv",
        'Index,Question,Options,Correct Answer\n1,"Open?",(a) Open (b) Closed,(a)\n',
    ),
    "captions of the reference": (read_list, "list.json", [RECORD, RECORD]),
    "objects of the reference": (read_list, "list.json", [OBJECT, OBJECT]),
}
SPLICED = [
    b"[",
    b"{",
    b'"',
    b"1e999",
    b"null",
    b"-1",
    b"9" * 400,
    b"\\ud800",
    b"\xff",
    b"../",
    b"\x00",
]
VALUES = [
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    "",
    "\ud800",
    "../x",
    [],
    {},
    [[]],
    "x" * 5000,
    [1e308],
]


def _spliced(rng: np.random.Generator, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(damaged) or 1))
        match rng.integers(3):
            case 0:
                damaged[place : place + 1] = SPLICED[rng.integers(len(SPLICED))]
            case 1:
                del damaged[place : place + int(rng.integers(1, 30))]
            case _:
                damaged[place:place] = damaged[: rng.integers(1, 40)]
    return bytes(damaged)


def _replaced(rng: np.random.Generator, document: object) -> object:
    """The same document with one value somewhere in it replaced."""
    if rng.random() < 0.2 or not isinstance(document, dict | list) or not document:
        return VALUES[rng.integers(len(VALUES))]
    keys = list(document) if isinstance(document, dict) else range(len(document))
    key = keys[int(rng.integers(len(keys)))]
    changed = document.copy()
    if rng.random() < 0.1:
        del changed[key]
    else:
        changed[key] = _replaced(rng, document[key])
    return changed


def _damaged(rng: np.random.Generator, content: object) -> bytes:
    if isinstance(content, str):
        return _spliced(rng, content.encode())
    if rng.random() < 0.5:
        return _spliced(rng, json.dumps(content).encode())
    return json.dumps(_replaced(rng, content)).encode()


def _outcome(read: Callable[..., object], path: Path) -> str:
    try:
        read(path)
    except DataError as error:
        message = str(error)
    else:
        return "read"
    assert path.name in message
    assert "\n" not in message
    return "refused"


@pytest.mark.parametrize(
    "count",
    [500, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_damaged_files_give_a_data_set_or_one_line(tmp_path: Path, photo, rng, count) -> None:
    photo(tmp_path / "images/1.png")
    outcomes: Counter[str] = Counter()
    kinds = list(FILES.values())
    for index in range(count):
        read, name, content = kinds[index % len(kinds)]
        path = tmp_path / name
        path.write_bytes(_damaged(rng, content))
        outcomes[_outcome(read, path)] += 1
        assert _outcome(check, path) == "read"
        path.unlink()
    assert min(outcomes["read"], outcomes["refused"]) > count / 10


@pytest.mark.parametrize("name", FILES)
def test_the_whole_files_are_read_without_a_problem(tmp_path: Path, photo, name) -> None:
    photo(tmp_path / "images/1.png")
    photo(tmp_path / "images/1.jpg")
    read, file, content = FILES[name]
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / file).write_text(text)
    data = read(tmp_path / file)
    assert len(data) >= 1
    assert {problem.kind for problem in data.problems} <= {"repeated sample"}


@pytest.mark.parametrize("raised", [MemoryError(), RecursionError(), OverflowError("too large")])
def test_running_out_of_anything_is_one_line(tmp_path: Path, monkeypatch, raised) -> None:
    from eagle_mllm.datasets import reading

    def loads(_: object) -> None:
        raise raised

    (tmp_path / "mmvp.json").write_text("[]")
    monkeypatch.setattr(reading.json, "loads", loads)
    with pytest.raises(DataError, match=r"mmvp\.json"):
        read_mmvp(tmp_path / "mmvp.json")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_device_is_no_annotation_file(device: str) -> None:
    for read in (read_captions, read_objects, read_pope, read_mmvp, read_list):
        with pytest.raises(DataError, match="it is a device, not a file"):
            read(device)
