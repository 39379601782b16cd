"""Diagnoses: what is told of right and wrong answers, and what a file gives back."""

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.errors import ResultError
from eagle_mllm.hallucination import (
    DirectSearch,
    load_diagnosis,
    save_diagnosis,
)


def box(region):
    row, column = divmod(region, 8)
    return (6 * column, 6 * row, 6 * column + 6, 6 * row + 6)


@pytest.fixture
def diagnosed(liar, picture, grid):
    def diagnose(boxes, *, truth="no", **options):
        model = liar(boxes)
        generation = model.generate(picture, "Is there a moon?")
        return eagle.diagnose(model, generation, truth, regions=grid, **options)

    return diagnose


def test_what_is_hidden_is_the_cause_and_the_right_answer_is_explained(diagnosed):
    found = diagnosed([box(27), box(44)], search=DirectSearch(splits=0))
    assert found.outcome == "corrected"
    assert found.correction.regions == (27, 44)
    assert found.correction.area == pytest.approx(2 / 64)
    assert found.correction.mask.sum() == 2 * 36
    assert (found.right.text, found.given.text) == ("no", "yes")
    assert found.attribution.target.text == "No"
    assert found.attribution.trace.insertion[-1, 0] == 0
    assert np.array_equal(found.hallucination_map, 1 - found.attribution.saliency)


def test_the_direct_search_is_never_worse_than_the_pruned_order(diagnosed):
    rng = np.random.default_rng(3)
    for size in (1, 2, 3, 5, 9):
        cause = rng.choice(64, size=size, replace=False)
        found = diagnosed([box(int(one)) for one in cause], search=DirectSearch(splits=0))
        assert found.correction.regions_area <= found.pruned_removed_area + 1e-9
        assert found.pruned_removed_area <= found.paper_removed_area + 1e-9


def test_a_region_is_split_where_a_part_of_it_is_enough(diagnosed):
    left, top = box(27)[:2]
    corner = (left, top, left + 3, top + 3)
    found = diagnosed([corner])
    assert found.correction.regions == (27,)
    assert found.correction.regions_area == pytest.approx(1 / 64)
    assert found.correction.area < 1 / 200
    assert found.correction.mask[top : top + 3, left : left + 3].sum() * 2 > 9
    assert found.correction.mask.sum() == round(found.correction.area * 48 * 48)


def test_a_right_answer_costs_nothing_and_leaves_nothing(diagnosed):
    found = diagnosed([box(27)], truth="yes")
    assert (found.outcome, found.wrong, found.passes) == ("answered rightly", False, 0)
    assert found.correction is None
    assert found.hallucination_map is None


def test_a_model_that_errs_whatever_it_sees_is_never_corrected(picture, grid):
    blind = eagle.testing.PlantedModel(
        "Yes.", {"Yes": eagle.testing.Evidence(base=0.9, rival="No")}
    )
    generation = blind.generate(picture, "Is there a moon?")
    found = eagle.diagnose(blind, generation, "no", regions=grid)
    assert found.outcome == "never corrected"
    assert found.paper_removed_area == found.pruned_removed_area == 1
    assert found.hallucination_map is None  # no region has any effect


def test_a_guess_from_the_empty_image_is_told_as_one(diagnosed):
    found = diagnosed([box(region) for region in range(64)])
    assert found.outcome == "corrected only by the empty image"
    assert found.correction is None


def test_passes_are_those_of_every_part(diagnosed):
    calls = []
    found = diagnosed([box(27)], on_pass=calls.append)
    assert found.passes == calls[-1]
    assert 64 <= found.direct_passes < found.passes
    assert found.attribution.forward_passes <= found.passes - found.direct_passes


def test_a_diagnosis_is_saved_and_loaded(diagnosed, tmp_path):
    for boxes in ([box(27)], [box(region) for region in range(64)]):
        found = diagnosed(boxes)
        save_diagnosis(found, tmp_path / "one.npz")
        assert load_diagnosis(tmp_path / "one.npz") == found
        assert eagle.load(tmp_path / "one.npz") == found.attribution


def test_a_right_answer_is_not_saved(diagnosed, tmp_path):
    with pytest.raises(ResultError, match="the answer was right"):
        save_diagnosis(diagnosed([box(27)], truth="yes"), tmp_path / "one.npz")


def test_an_explanation_is_not_read_as_a_diagnosis(diagnosed, tmp_path):
    eagle.save(diagnosed([box(27)]).attribution, tmp_path / "one.npz")
    with pytest.raises(ResultError, match=r"cannot read .*it holds no diagnosis"):
        load_diagnosis(tmp_path / "one.npz")


def test_parts_that_do_not_belong_together_are_refused(diagnosed):
    from dataclasses import replace

    found = diagnosed([box(27)])
    with pytest.raises(ResultError, match="a right answer"):
        replace(found, outcome="answered rightly")
    with pytest.raises(ResultError, match="a correction belongs to"):
        replace(found, outcome="never corrected")


def test_the_figure_and_the_page_tell_what_was_found(diagnosed):
    for boxes, words in (
        ([box(27)], "Corrected by hiding"),
        ([box(region) for region in range(64)], "Corrected only by the empty image"),
    ):
        found = diagnosed(boxes)
        page = eagle.report.html(found.attribution, diagnosis=found)
        assert words in page
        assert "hallucination map" in page
        drawn = eagle.report.diagnosis(found)
        assert {"hallucination map", "corrected image", "right answer"} <= {
            axes.get_label() for axes in drawn.axes
        }


def test_there_is_no_figure_of_a_right_answer(diagnosed):
    with pytest.raises(ResultError, match="no error to draw"):
        eagle.report.diagnosis(diagnosed([box(27)], truth="yes"))
