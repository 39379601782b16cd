"""Regions that a model never sees: six regions of 8 x 8 pixels, of which it looks at four.

0 1 2
3 4 5
"""

import json
from dataclasses import replace

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.files.reference import export_reference, import_reference
from eagle_mllm.attribution.model import Scorer
from eagle_mllm.errors import ResultError
from eagle_mllm.testing import Evidence, PlantedModel

SEARCHES = [eagle.MultilevelSearch(), eagle.GreedySearch(), eagle.WindowedGreedySearch()]


class Cropped(Scorer):
    """Another scorer that does not look at some of the regions."""

    def __init__(self, scorer, seen):
        self._scorer, self._seen = scorer, seen

    @property
    def seen_regions(self):
        return self._seen

    def __call__(self, shown):
        return self._scorer(shown)


class Crops(PlantedModel):
    """Sees all but the left column of regions, 0 and 3."""

    seen = np.array([False, True, True, False, True, True])

    def scorer(self, *arguments, **options):
        return Cropped(super().scorer(*arguments, **options), self.seen)


@pytest.fixture
def crops():
    return Crops("a cat", {"cat": Evidence(boxes=[(8, 8, 24, 16)], base=0.1)})


@pytest.fixture
def answer(crops, image):
    return crops.generate(image, "What?")


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.name)
def test_they_come_last_have_no_saliency_and_no_area(search, crops, answer, regions):
    method = eagle.Eagle(search=search)
    found = eagle.attribute(crops, answer, answer.find("cat"), regions=regions, method=method)
    assert found.unseen == (0, 3)
    assert found.trace.order[4:].tolist() == [0, 3]
    assert (found.saliency[:, :8] == 0).all()
    assert found.trace.area.tolist() == [0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert (found.trace.insertion[4:] == found.trace.insertion[4]).all()


def test_the_order_of_the_others_is_that_of_an_image_without_them(crops, answer, image, regions):
    """The right two columns alone, with the evidence in the same place."""
    found = eagle.attribute(crops, answer, answer.find("cat"), regions=regions)
    right = PlantedModel("a cat", {"cat": Evidence(boxes=[(0, 8, 16, 16)], base=0.1)})
    alone = right.generate(image[:, 8:], "What?")
    smaller = eagle.Regions.from_labels(regions.labels[:, 8:])
    expected = eagle.attribute(right, alone, alone.find("cat"), regions=smaller)
    numbers = np.array([1, 2, 4, 5])  # how they are numbered in the whole image
    assert found.trace.order[:4].tolist() == numbers[expected.trace.order].tolist()
    assert eagle.metrics.insertion_auc(found.trace) == eagle.metrics.insertion_auc(expected.trace)
    assert eagle.metrics.deletion_auc(found.trace) == eagle.metrics.deletion_auc(expected.trace)
    assert found.forward_passes == expected.forward_passes


def test_several_targets_know_them_too(crops, answer, regions):
    targets = [answer.find("a"), answer.find("cat")]
    found = eagle.attribute_each(crops, answer, targets, regions=regions)
    assert [one.unseen for one in found] == [(0, 3), (0, 3)]


def test_a_model_that_sees_nothing_ranks_nothing(crops, answer, regions, monkeypatch):
    monkeypatch.setattr(Crops, "seen", np.zeros(6, bool))
    found = eagle.attribute(crops, answer, answer.find("cat"), regions=regions)
    assert found.unseen == (0, 1, 2, 3, 4, 5)
    assert not found.trace.has_effect
    assert (found.saliency == 0).all()


def test_a_target_without_evidence_has_no_effect(crops, answer, regions):
    prior = eagle.attribute(crops, answer, answer.find("a"), regions=regions)
    cat = eagle.attribute(crops, answer, answer.find("cat"), regions=regions)
    assert (prior.trace.has_effect, cat.trace.has_effect) == (False, True)


def test_they_are_stored_and_the_reference_counts_the_whole_image(crops, answer, regions, tmp_path):
    found = eagle.attribute(crops, answer, answer.find("cat"), regions=regions)
    eagle.save(found, tmp_path / "cat.npz")
    assert eagle.load(tmp_path / "cat.npz") == found
    paths = export_reference(found, tmp_path, "cat")
    np.testing.assert_allclose(json.loads(paths[0].read_text())["region_area"], np.arange(1, 7) / 6)
    assert import_reference(*paths).trace.order.tolist() == [0, 1, 2, 3, 4, 5]


def test_they_must_come_last(crops, answer, regions):
    found = eagle.attribute(crops, answer, answer.find("cat"), regions=regions)
    with pytest.raises(ResultError, match="unseen regions come last"):
        replace(found, unseen=(0, 1))
