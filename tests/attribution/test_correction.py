"""What a correction keeps and what it removes, by hand."""

import numpy as np
import pytest

from eagle_mllm.attribution.correction import minimal_correction
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.trace import Trace

WRONG, RIGHT = 4, 7
NO = Target(positions=(0,), ids=(RIGHT,), text="No", is_counterfactual=True)


def trace(*predicted):
    """Regions 2, 0, 1 in this order, of areas 0.5, 0.3 and 0.2, with these predictions."""
    return Trace(
        order=np.array([2, 0, 1]),
        insertion=np.full((4, 1), 0.5, np.float32),
        deletion=np.full((4, 1), 0.5, np.float32),
        area=np.array([0.0, 0.5, 0.8, 1.0]),
        insertion_predicted=np.array(predicted)[:, np.newaxis],
        deletion_predicted=np.full((4, 1), WRONG),
        searched=3,
    )


@pytest.mark.parametrize(
    ("predicted", "kept", "removed", "area"),
    [
        ((WRONG, WRONG, WRONG, RIGHT), [2, 0, 1], [], 0.0),
        ((WRONG, RIGHT, RIGHT, WRONG), [2, 0], [1], 0.2),
        ((WRONG, RIGHT, WRONG, WRONG), [2], [0, 1], 0.5),
        ((RIGHT, WRONG, WRONG, WRONG), [], [2, 0, 1], 1.0),  # a guess from nothing
    ],
)
def test_the_smallest_removal_from_the_end_is_the_correction(predicted, kept, removed, area):
    correction = minimal_correction(trace(*predicted), NO)
    assert (correction.kept.tolist(), correction.removed.tolist()) == (kept, removed)
    assert correction.area == pytest.approx(area)
    assert correction.corrects == bool(kept)


def test_the_model_answers_rightly_on_what_is_kept_and_wrongly_with_one_region_more(image, regions):
    from eagle_mllm.attribution.masking import fill_image, masked_image
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.testing import Evidence, PlantedModel

    model = PlantedModel("Yes", {"Yes": Evidence(boxes=[(16, 0, 24, 16)], rival="No")})
    generation = model.generate(image, "Is there a dog?")
    target = generation.counterfactual("No")
    found = attribute(model, generation, target, regions=regions)
    correction = minimal_correction(found.trace, target)
    assert set(correction.removed.tolist()) == {2, 5}
    seen = masked_image(image, fill_image(image, "black"), regions.mask(correction.kept))
    assert (seen[:, 16:] == 0).all()
    assert (seen[:, :16] == image[:, :16]).all()
