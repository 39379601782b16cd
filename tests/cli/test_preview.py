"""The map that a person sees while the search goes on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eagle_mllm.attribution.regions import Regions
from eagle_mllm.cli.outputs import OutputFolder
from eagle_mllm.report.preview import preview

HALVES = Regions.from_labels(np.array([[0, 1]]).repeat(4, axis=0).repeat(4, axis=1))
IMAGE = np.full((4, 8, 3), 128, np.uint8)


def place(tmp_path):
    (tmp_path / "out").mkdir()
    return OutputFolder(tmp_path / "out", tmp_path / "staging", False)


@pytest.fixture
def watched(monkeypatch):
    """Every preview that a run of `eagle` has on disk, as soon as it is there."""
    from eagle_mllm.cli import preview

    seen = []
    write = preview._write

    def watched_write(picture, path):
        write(picture, path)
        with Image.open(path) as image:
            seen.append((Path(path), image.size))

    monkeypatch.setattr(preview, "_write", watched_write)
    return seen


def test_the_first_region_is_brighter_than_the_last():
    left, right = (preview(IMAGE, HALVES, np.array(order)) for order in ([0, 1], [1, 0]))
    middle, width = left.shape[0] // 2, left.shape[1]
    for picture, bright, dark in ((left, 0, width - 1), (right, width - 1, 0)):
        assert picture[middle, bright].sum() > picture[middle, dark].sum()


@pytest.mark.usefixtures("planted", "sketches")
def test_a_preview_is_there_during_the_search_and_gone_with_the_results(eagle, picture, watched):
    assert eagle("explain", picture, "--regions", "grid", "--n-regions", 9).exit_code == 0
    path, size = watched[0]
    assert path == Path("eagle-out/photo/preview.png")
    assert size[0] > size[1]  # of the picture's form
    results = ["explanation.npz", "figure.png", "report.html"]
    assert sorted(file.name for file in Path("eagle-out/photo").iterdir()) == results


@pytest.mark.usefixtures("planted", "sketches")
def test_a_file_of_that_name_that_is_not_ours_stays(eagle, picture, watched):
    Path("out").mkdir()
    Image.new("RGB", (2, 2)).save("out/preview.png")
    before = Path("out/preview.png").read_bytes()
    assert eagle("explain", picture, "--regions", "grid", "--out", "out").exit_code == 0
    assert Path("out/preview.png").read_bytes() == before
    assert not watched


def test_what_a_killed_process_left_is_replaced_and_then_removed(tmp_path):
    from eagle_mllm.cli.preview import _write, previewed

    output = place(tmp_path)
    path = output.folder / "preview.png"
    _write(np.zeros((2, 2, 3), np.uint8), path)
    with previewed(output, IMAGE, HALVES, tell=lambda _: None) as on_order:
        on_order(np.array([0, 1]), 8)
        with Image.open(path) as drawn:
            assert drawn.size[0] > 2
    assert not path.exists()


def test_previews_are_a_second_apart_and_told_once(tmp_path, monkeypatch):
    from eagle_mllm.cli import preview

    times, told, written = iter([10.0, 10.0, 10.5, 11.1, 11.1]), [], []
    monkeypatch.setattr(preview, "monotonic", lambda: next(times))
    monkeypatch.setattr(preview, "_write", lambda picture, path: written.append(path))
    with preview.previewed(place(tmp_path), IMAGE, HALVES, tell=told.append) as on_order:
        for _ in range(3):
            on_order(np.array([0, 1]), 8)
    assert len(written) == 2
    assert told == [f"first map: {tmp_path / 'out' / 'preview.png'}"]


def test_a_preview_that_cannot_be_written_is_no_failure(tmp_path):
    from eagle_mllm.cli.preview import previewed

    gone = OutputFolder(tmp_path / "gone", tmp_path / "staging", False)
    with previewed(gone, IMAGE, HALVES, tell=pytest.fail) as on_order:
        on_order(np.array([0, 1]), 8)
    assert not list(tmp_path.iterdir())
