"""How little must go until the answer is right, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError, TargetError
from eagle_mllm.metrics import corrected_area, corrected_within, is_corrected, summarize

WRONG, RIGHT = 4, 7
NO = Target(positions=(0,), ids=(RIGHT,), text="No", is_counterfactual=True)
AREA = (0.0, 0.5, 0.75, 0.9, 1.0)


def trace(*predicted, area=AREA):
    """A trace that predicts these ids while 0, 1, 2, ... regions of the order are left."""
    steps = len(area)
    return Trace(
        order=np.arange(steps - 1),
        insertion=np.full((steps, 1), 0.5, np.float32),
        deletion=np.full((steps, 1), 0.5, np.float32),
        area=np.array(area),
        insertion_predicted=np.array(predicted)[:, np.newaxis],
        deletion_predicted=np.full((steps, 1), WRONG),
        searched=steps - 1,
    )


@pytest.fixture
def hallucination():
    """A planted model that sees a dog in the right third of the image and says "Yes"."""
    from eagle_mllm.testing import Evidence, PlantedModel

    return PlantedModel("Yes", {"Yes": Evidence(boxes=[(16, 0, 24, 16)], rival="No")})


@pytest.mark.parametrize(
    ("predicted", "area"),
    [
        ((WRONG, WRONG, WRONG, RIGHT, WRONG), 0.1),
        ((WRONG, WRONG, RIGHT, WRONG, WRONG), 0.25),
        ((WRONG, RIGHT, RIGHT, WRONG, WRONG), 0.25),  # the smallest removal counts
        ((WRONG, RIGHT, WRONG, WRONG, WRONG), 0.5),
        ((WRONG, WRONG, WRONG, WRONG, RIGHT), 0.0),  # right on the whole image
    ],
)
def test_the_smallest_removal_that_corrects_counts(predicted, area):
    assert corrected_area(trace(*predicted), NO) == pytest.approx(area)
    assert is_corrected(trace(*predicted), NO)


def test_what_nothing_corrects_costs_the_whole_image():
    never = trace(*[WRONG] * 5)
    assert corrected_area(never, NO) == 1.0
    assert not is_corrected(never, NO)


def test_the_empty_image_is_no_correction():
    guess = trace(RIGHT, WRONG, WRONG, WRONG, WRONG)
    assert corrected_area(guess, NO) == 1.0
    assert not is_corrected(guess, NO)
    assert not corrected_within(guess, NO, budget=1.0)


def test_the_budget_includes_its_end_whatever_rounding_did():
    tenths = np.concatenate([[0.0], np.cumsum(np.full(10, 0.1))])
    tenths[-1] = 1.0
    assert 1 - tenths[9] > 0.1  # in floating point
    assert corrected_within(trace(*[WRONG] * 9, RIGHT, WRONG, area=tenths), NO)
    assert not corrected_within(trace(*[WRONG] * 8, RIGHT, WRONG, WRONG, area=tenths), NO)
    assert corrected_within(trace(*[WRONG] * 8, RIGHT, WRONG, WRONG, area=tenths), NO, budget=0.2)


def test_only_what_is_shown_is_asked_not_what_is_hidden():
    kept = trace(WRONG, WRONG, RIGHT, WRONG, WRONG)
    other = replace(kept, deletion_predicted=np.full((5, 1), RIGHT))
    assert corrected_area(kept, NO) == corrected_area(other, NO)


def test_the_rates_are_over_all_samples_those_never_corrected_included(rng):
    """AMCR 0.4 and CSR@10% one in three: the second is over the budget, the third never right."""
    traces = [
        trace(WRONG, WRONG, WRONG, WRONG, RIGHT),
        trace(WRONG, WRONG, WRONG, RIGHT, WRONG, area=(0.0, 0.2, 0.3, 0.8, 1.0)),
        trace(*[WRONG] * 5),
    ]
    amcr = summarize([corrected_area(one, NO) for one in traces], rng=rng)
    csr = summarize([corrected_within(one, NO) for one in traces], rng=rng)
    assert amcr.mean == pytest.approx((0.0 + 0.2 + 1.0) / 3)
    assert csr.mean == pytest.approx(1 / 3)
    assert csr.n == 3


def test_a_planted_hallucination_is_corrected_by_removing_what_causes_it(
    hallucination, image, regions
):
    """Regions 2 and 5 are the dog. Without one of them p("Yes") is 0.5, still "Yes"."""
    from eagle_mllm.attribution.method import attribute

    generation = hallucination.generate(image, "Is there a dog?")
    target = generation.counterfactual("No")
    trace = attribute(hallucination, generation, target, regions=regions).trace
    assert set(trace.order[-2:]) == {2, 5}
    assert corrected_area(trace, target) == pytest.approx(2 / 6)
    assert not corrected_within(trace, target)


def test_a_target_of_several_tokens_is_refused():
    with pytest.raises(TargetError, match="the target has 2 and the trace 1"):
        corrected_area(trace(*[WRONG] * 5), Target(positions=(0, 1), ids=(RIGHT, 3), text="No way"))


def test_a_file_of_the_reference_does_not_know_what_was_predicted():
    with pytest.raises(ResultError, match="does not know what the model predicted"):
        is_corrected(trace(*[-1] * 5), NO)
