"""`--regions FILE`: label maps and masks, and what the command says of them."""

import json

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("sketches")


def _masks(folder):
    left = np.zeros((32, 48), bool)
    left[:, :24] = True
    np.savez_compressed(folder / "masks.npz", left, ~left)
    halves = [{"segmentation": {"size": [32, 48], "counts": counts}} for counts in _RUNS]
    (folder / "masks.json").write_text(json.dumps(halves))
    np.save(folder / "masks.npy", np.where(left, 7, 3))


# Down the columns: all of the left half, all of the right one.
_RUNS = ([0, 24 * 32, 24 * 32], [24 * 32, 24 * 32])


@pytest.mark.parametrize("name", ["masks.npz", "masks.json", "masks.npy"])
def test_masks_from_a_file_cut_the_picture(eagle, picture, folder, planted, name):
    _masks(folder)
    result = eagle("explain", picture, "--word", "cat", "--regions", name, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    regions = json.loads(result.stdout)["regions"]
    assert (regions["count"], regions["shape"]) == (2, [32, 48])


def test_a_smoothed_map_is_used_and_warned_of_in_one_line(eagle, picture, folder, planted):
    small = np.kron(np.array([[10, 90], [170, 250]], np.uint8), np.ones((6, 6), np.uint8))
    Image.fromarray(small).resize((48, 32), Image.Resampling.BICUBIC).save("map.png")
    result = eagle("explain", picture, "--word", "cat", "--regions", "map.png", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("eagle: warning: map.png: ")
    assert result.stderr.count("\n") == 1
    assert "as if it had been smoothed" in result.stderr


def test_an_ending_that_is_not_read_is_said(eagle, picture, folder, planted):
    result = eagle("explain", picture, "--word", "cat", "--regions", "masks.tiff")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "its ending is none of .npy, .npz, .png, .json" in result.stderr
