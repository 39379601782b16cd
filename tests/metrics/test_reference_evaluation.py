"""The reference's evaluation, run on its file format, says what ours says.

The formulas are those of its scripts for faithfulness and for hallucination correction, read in the
source and written down here in our words; the files are what `export_reference` writes. Where we
differ on purpose, the last tests show by how much.
"""

import json

import numpy as np
import pytest
from sklearn.metrics import auc

from eagle_mllm.attribution.files.reference import export_reference
from eagle_mllm.attribution.generation import Generation, Span, Target
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.saliency import region_saliency, saliency_map
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.metrics import (
    average_highest_score,
    corrected_area,
    corrected_within,
    deletion_auc,
    insertion_auc,
    sensitive_tokens,
    summarize,
)

WORDS = {3: "No", 4: "Yes"}
REGIONS = Regions.from_labels(np.repeat([[0, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5]], 2, axis=0))
GENERATION = Generation(
    image=np.zeros((2, 11, 3), np.uint8),
    prompt="Is there a cat?",
    text="Yes it is",
    ids=(4, 5, 6),
    tokens=("Yes", " it", " is"),
    spans=(Span(0, 3), Span(3, 6), Span(6, 9)),
    special=(False, False, False),
)
RIGHT = Target(positions=(0,), ids=(3,), text="No", is_counterfactual=True)


def _attribution(rng, *, target, predicted=None):
    """Random curves over six regions; both ends of both curves are the same two images."""
    insertion = rng.random((7, len(target)), dtype=np.float32)
    deletion = rng.random((7, len(target)), dtype=np.float32)
    deletion[0], deletion[-1] = insertion[-1], insertion[0]
    order = rng.permutation(6)
    ids = np.full(insertion.shape, 4) if predicted is None else np.array(predicted)[:, None]
    trace = Trace(
        order=order,
        insertion=insertion,
        deletion=deletion,
        area=np.concatenate([[0.0], np.cumsum(REGIONS.areas[order])]).clip(0, 1),
        insertion_predicted=ids,
        deletion_predicted=ids,
        searched=6,
    )
    return Attribution(
        method="eagle",
        generation=GENERATION,
        target=target,
        regions=REGIONS,
        trace=trace,
        saliency=saliency_map(region_saliency(trace, Objective()), REGIONS),
        objective=Objective(),
        forward_passes=12,
        seconds=1.0,
        provenance={},
    )


def _exported(attribution, folder):
    """What their search leaves behind, with what their generation after each step would say."""
    answers = [WORDS[int(token)] for token in attribution.trace.insertion_predicted[1:, 0]]
    other = {"revised_answering": answers, "label": "no"}
    path, _ = export_reference(attribution, folder, "sample", other=other)
    return json.loads(path.read_text())


def _published_faithfulness(content):
    """Insertion AUC, deletion AUC and highest score of one sample."""
    area = [0, *content["region_area"]]
    insertion = [content["deletion_score"][-1], *content["insertion_score"]]
    deletion = [content["insertion_score"][-1], *content["deletion_score"]]
    left = [1 - one for one in area]
    return auc(area, insertion), auc(left, deletion), max(insertion)


def _published_correction(contents):
    """AMCR, and the list behind CSR@10%: nothing is appended for a sample never corrected."""
    amcr, csr = [], []
    for content in contents:
        answers, area = content["revised_answering"], content["region_area"]
        steps = range(1, len(answers) + 1)
        found = next((k for k in steps if answers[-k][:2] == "No"), None)
        if found is None:
            amcr.append(1.0)
            continue
        amcr.append(1 - area[-found])
        csr.append(float(amcr[-1] <= 0.1))
    return amcr, csr


@pytest.mark.parametrize("seed", range(20))
def test_aucs_and_highest_score_are_those_published(tmp_path, seed):
    attribution = _attribution(np.random.default_rng(seed), target=GENERATION.all())
    insertion, deletion, highest = _published_faithfulness(_exported(attribution, tmp_path))
    trace = attribution.trace
    assert insertion_auc(trace) == pytest.approx(insertion, abs=1e-6)
    assert deletion_auc(trace) == pytest.approx(deletion, abs=1e-6)
    assert average_highest_score(trace) == pytest.approx(highest, abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_sensitive_tokens_are_those_published(tmp_path, seed):
    attribution = _attribution(np.random.default_rng(seed), target=GENERATION.all())
    content = _exported(attribution, tmp_path)
    gain = np.subtract(content["org_score"], content["baseline_score"])
    chosen = np.flatnonzero(gain > 0.2)
    assert sensitive_tokens(attribution.trace).tolist() == chosen.tolist()
    if len(chosen):
        shown = np.array(content["insertion_word_score"])[:, chosen].mean(axis=1)
        empty = np.array(content["baseline_score"])[chosen].mean()
        published = auc([0, *content["region_area"]], [empty, *shown])
        assert insertion_auc(attribution.trace, tokens=chosen) == pytest.approx(published, abs=1e-6)


@pytest.fixture
def corrections(rng, tmp_path):
    """Forty samples and their exported files; about one in four is never corrected."""
    attributions = []
    for index in range(40):
        answers = rng.choice([3, 4, 4, 4], size=7)
        answers[1:] = 4 if index % 4 == 0 else answers[1:]
        attributions.append(_attribution(rng, target=RIGHT, predicted=answers))
    return attributions, [_exported(one, tmp_path) for one in attributions]


def test_amcr_is_the_published_one_sample_by_sample(corrections):
    attributions, contents = corrections
    ours = [corrected_area(one.trace, one.target) for one in attributions]
    published, _ = _published_correction(contents)
    assert ours == pytest.approx(published)
    assert max(ours) == 1.0
    assert min(ours) == 0.0


def test_csr_differs_by_its_denominator_alone(corrections, rng):
    """The reference divides by the samples that were corrected, we by all of them."""
    attributions, contents = corrections
    ours = summarize([corrected_within(one.trace, one.target) for one in attributions], rng=rng)
    _, published = _published_correction(contents)
    never_corrected = len(contents) - len(published)
    assert never_corrected >= 10
    assert ours.n == 40
    assert ours.mean * 40 == pytest.approx(sum(published))
    assert ours.mean < np.mean(published)


def test_a_prefix_is_not_an_answer(rng, tmp_path):
    """ "Not at all" passes as "No" by the published rule; by ours only the right token does."""
    attribution = _attribution(rng, target=RIGHT, predicted=[4] * 7)
    content = _exported(attribution, tmp_path) | {"revised_answering": ["Not at all"] * 6}
    amcr, csr = _published_correction([content])
    assert (amcr, csr) == ([0.0], [1.0])
    assert corrected_area(attribution.trace, attribution.target) == 1.0
