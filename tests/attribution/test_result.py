"""An attribution is a value that shows itself."""

from dataclasses import replace

import numpy as np
import pytest

from eagle_mllm.attribution.reliance import modality_reliance
from eagle_mllm.errors import ResultError


def test_repr_tells_the_outcome_in_one_line(attribution):
    # Each region is a sixth of the image; p(cat) is 0.1, 0.55, 0.775, 1, 1, 1, 1 as they are shown
    # and 1, 0.55, 0.325, 0.1, 0.1, 0.1, 0.1 as they are hidden: 4.875 / 6 and 1.725 / 6.
    assert repr(attribution) == (
        "Attribution(eagle, 'cat', 6 regions, insertion_auc=0.81, deletion_auc=0.29, "
        "forward_passes=36)"
    )


def test_the_repr_of_a_long_target_stays_short(attribution):
    wordy = replace(attribution, target=replace(attribution.target, text="very " * 50 + "long"))
    assert len(repr(wordy)) < 200


def test_attributions_are_equal_when_all_they_hold_is(attribution):
    assert replace(attribution) == attribution
    assert replace(attribution, saliency=1 - attribution.saliency) != attribution


def test_saliency_is_read_only(attribution):
    with pytest.raises(ValueError, match="read-only"):
        attribution.saliency[0, 0] = 1


def test_reliance_knows_where_in_the_answer_its_tokens_stand(attribution):
    assert attribution.reliance.positions == attribution.target.positions == (1,)
    evidence = modality_reliance(attribution.trace).evidence
    assert attribution.reliance.evidence.tolist() == evidence.tolist()


def test_a_notebook_gets_the_fragment_of_the_report(attribution):
    from eagle_mllm import report

    assert attribution._repr_html_() == report.fragment(attribution)


def test_a_notebook_gets_one_representation_and_no_picture_beside_it(attribution):
    shown = [name for name in dir(attribution) if name.startswith("_repr_")]
    assert shown == ["_repr_html_"]


def test_a_saliency_of_another_size_is_refused(attribution):
    with pytest.raises(ResultError, match="must have one shape"):
        replace(attribution, saliency=np.zeros((3, 3), dtype=np.float32))


def test_a_target_with_more_tokens_than_the_trace_is_refused(attribution):
    with pytest.raises(ResultError, match=r"6 regions and 1 tokens; expected 6 and 5"):
        replace(attribution, target=attribution.generation.all())
