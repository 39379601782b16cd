"""Yes or no by contrast with an image of which a part is hidden."""

import numpy as np
import pytest

from eagle_mllm.errors import RegionError
from eagle_mllm.hallucination.decoding import contrasted


def test_the_odds_are_those_of_the_formula(liar, picture):
    hidden = np.zeros((48, 48), dtype=bool)
    hidden[:6, :6] = True
    model = liar([(0, 0, 6, 6)], base=0.2, peak=0.6)  # p(yes) is .6 with the corner, .2 without
    whole, without = np.log(0.6 / 0.4), np.log(0.2 / 0.8)
    for strength in (0.0, 1.0, -1.0):
        found = contrasted(model, picture, "Is there a moon?", hidden, strength=strength)
        assert found.odds_whole == pytest.approx(whole, abs=1e-5)
        assert found.odds_without == pytest.approx(without, abs=1e-5)
        expected = (1 + strength) * whole - strength * without
        assert found.odds == pytest.approx(expected, abs=1e-5)
        assert found.answer == ("yes" if expected > 0 else "no")


@pytest.mark.parametrize("hides", ["nothing", "everything", "another shape"])
def test_a_part_that_cannot_be_contrasted_with_is_refused(liar, picture, hides):
    hidden = {
        "nothing": np.zeros((48, 48), dtype=bool),
        "everything": np.ones((48, 48), dtype=bool),
        "another shape": np.ones((4, 4), dtype=bool),
    }[hides]
    with pytest.raises(RegionError, match="expected some, not all"):
        contrasted(liar([(0, 0, 6, 6)]), picture, "Is there a moon?", hidden)
