"""A video is an image with frames in front: two frames of 2 x 4 pixels, four regions."""

import numpy as np
import pytest

from eagle_mllm.attribution.masking import MaskedImages
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import ResultError

# Region 0 lasts for both frames; 1 and 3 are left halves' neighbours in one frame each.
LABELS = np.array([[[0, 0, 1, 1], [0, 0, 1, 1]], [[0, 0, 2, 2], [0, 0, 3, 3]]])


@pytest.fixture
def video():
    return Regions.from_labels(LABELS)


def test_a_region_may_last_for_several_frames(video):
    assert video.shape == (2, 2, 4)
    assert video.areas.tolist() == [8 / 16, 4 / 16, 2 / 16, 2 / 16]
    assert video.centroids.tolist() == [[0.5, 0.5, 0.5], [0, 0.5, 2.5], [1, 0, 2.5], [1, 1, 2.5]]
    assert video.mask([0, 3]).tolist() == ((LABELS == 0) | (LABELS == 3)).tolist()
    assert repr(video) == "Regions(4 regions of 2x2x4, method='labels')"


def test_places_are_shares_of_the_frames_and_of_the_longer_side(video):
    expected = [[0.25, 0.125, 0.125], [0, 0.125, 0.625], [0.5, 0, 0.625], [0.5, 0.25, 0.625]]
    assert video.layout.places.tolist() == expected


def test_regions_of_one_colour_belong_together_in_whatever_frame(video):
    frames = np.zeros((2, 2, 4, 3), dtype=np.uint8)
    frames[(LABELS == 0) | (LABELS == 3)] = 255
    merges = video.linked(frames).merges
    assert merges.tolist() == [[1, 2], [0, 3], [4, 5]]


@pytest.mark.parametrize("fill", ["black", "mean", "blur"])
def test_regions_are_hidden_in_every_frame(video, rng, fill):
    frames = rng.integers(0, 256, (2, 2, 4, 3), dtype=np.uint8)
    shown = np.array([[False, True, True, True]])
    (masked,) = MaskedImages(frames, video, fill=fill)(shown)
    assert (masked[:, :, 2:] == frames[:, :, 2:]).all()
    (everything,) = MaskedImages(frames, video, fill=fill)(~np.zeros((1, 4), bool))
    assert (everything == frames).all()
    if fill == "black":
        assert (masked[:, :, :2] == 0).all()


def test_a_map_over_frames_is_stored_and_read_but_not_drawn(model, tmp_path):
    """The planted model looks at pictures; its attribution is moved to a video by hand."""
    from dataclasses import replace

    from eagle_mllm import report
    from eagle_mllm.attribution.files.io import load, save
    from eagle_mllm.attribution.method import attribute

    picture = model.generate(np.zeros((16, 24, 3), np.uint8), "What?")
    found = attribute(model, picture, picture.find("cat"), n_regions=4)
    labels = np.repeat(found.regions.labels[np.newaxis], 2, axis=0)
    video = replace(
        found,
        generation=replace(picture, image=np.zeros((2, 16, 24, 3), np.uint8)),
        regions=Regions(labels=labels),
        saliency=np.repeat(found.saliency[np.newaxis], 2, axis=0),
    )
    save(video, tmp_path / "video.npz")
    assert load(tmp_path / "video.npz") == video
    for draw in (report.figure, report.html):
        with pytest.raises(ResultError, match="with frames"):
            draw(video)
