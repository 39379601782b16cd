"""The judge and the library tell the same story."""

import numpy as np
import pytest
from reference import BatchedReferenceScorer, ReferenceScorer, reference_greedy

import eagle_mllm as eagle
from eagle_mllm.loading import DEMO_TITLES
from eagle_mllm.scenes.language import CAPTION_PROMPT


def _explained(name: str, pixels: str = "processor"):
    model = eagle.load_model(f"demo/{name}", device="cpu", pixels=pixels)
    generation = model.generate(eagle.scenes.scene(0).image, CAPTION_PROMPT)
    regions = eagle.segment(generation.image, method="grid", n_regions=4)
    return model, generation, generation.all(), regions


@pytest.mark.parametrize("name", DEMO_TITLES)
def test_order_and_curves_are_those_of_our_exact_greedy_search(name):
    model, generation, target, regions = _explained(name)
    score = ReferenceScorer(model, generation, target, regions=regions)
    judged = reference_greedy(score, len(regions))
    method = eagle.Eagle(search=eagle.GreedySearch())
    ours = eagle.attribute(model, generation, target, regions=regions, method=method).trace
    assert judged.order == tuple(ours.order)
    np.testing.assert_allclose(judged.insertion, ours.insertion[1:], atol=1e-4)
    np.testing.assert_allclose(judged.deletion, ours.deletion[1:], atol=1e-4)
    assert len(judged.seconds) == 4 * 5


@pytest.mark.parametrize("name", DEMO_TITLES)
def test_scores_agree_on_any_subset_and_any_part_of_the_answer(name, rng):
    model, generation, _, regions = _explained(name, pixels="component")
    target = generation.at(2, 4)
    shown = rng.random((6, len(regions))) < 0.5
    judged = np.stack(
        [ReferenceScorer(model, generation, target, regions=regions)(row) for row in shown]
    )
    ours = model.scorer(generation, target, regions)(shown).probability
    assert judged.shape == (6, 2)
    np.testing.assert_allclose(judged, ours, atol=2e-2)


@pytest.mark.parametrize("name", DEMO_TITLES)
def test_the_second_version_scores_a_batch_as_the_first_scores_each_image(name, rng):
    model, generation, whole, regions = _explained(name)
    shown = rng.random((5, len(regions))) < 0.5
    for target in (whole, generation.at(2, 4)):
        one, all_at_once = (
            kind(model, generation, target, regions=regions)
            for kind in (ReferenceScorer, BatchedReferenceScorer)
        )
        judged = np.stack([one(row) for row in shown])
        np.testing.assert_allclose(all_at_once.batch(shown), judged, atol=1e-4)


def test_the_loop_asks_every_candidate_twice_and_takes_the_first_of_equals():
    asked = []

    def score(shown):
        asked.append(tuple(shown))
        return np.array([1.0 if shown[1] else 0.25])

    run = reference_greedy(score, 3)
    assert run.order == (1, 0, 2)
    assert run.insertion.tolist() == [[1.0], [1.0], [1.0]]
    assert run.deletion.tolist() == [[0.25], [0.25], [0.25]]
    assert len(asked) == 3 * 4
    assert len(set(asked)) == 8  # nothing is remembered: twelve passes for eight subsets


def test_it_stops_after_the_picks_asked_for():
    run = reference_greedy(lambda shown: np.array([shown.mean()]), 4, picks=1)
    assert run.order == (0,)
    assert len(run.seconds) == 2 * 4
