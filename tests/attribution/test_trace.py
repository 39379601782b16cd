"""The trace of an order, by hand and by its identities."""

import numpy as np
import pytest

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.search.base import Ranking
from eagle_mllm.attribution.trace import Trace, area_under, trace_of
from eagle_mllm.errors import RegionError, ResultError, TargetError
from eagle_mllm.testing import OTHER, Evidence, PlantedModel

ORDER = np.array([4, 2, 0, 5, 1, 3])


@pytest.fixture
def evaluate(model, generation, regions):
    scorer = model.scorer(generation, generation.find("cat on a tree"), regions)
    return SubsetEvaluator(scorer, len(regions))


@pytest.fixture
def trace(evaluate, regions):
    return trace_of(ORDER, evaluate, regions)


def two_regions(**changes):
    """A valid trace of two regions and one token, with some fields replaced."""
    column = np.array([[0.0], [0.5], [1.0]], dtype=np.float32)
    ids = np.zeros((3, 1), dtype=int)
    fields = {
        "order": np.array([1, 0]),
        "insertion": column,
        "deletion": column[::-1],
        "area": np.array([0.0, 0.5, 1.0]),
        "insertion_predicted": ids,
        "deletion_predicted": ids,
        "searched": 2,
    }
    return Trace(**{**fields, **changes})


def test_the_trace_of_the_planted_model_by_hand(trace):
    # cat is 0.1 + 0.9 · share (half in region 4, a quarter in 3 and in 5), tree 0.2 until 2 and 5
    # are both shown, and "on" and "a" are 0.9 from language.
    cat = [0.1, 0.55, 0.55, 0.55, 0.775, 0.775, 1]
    tree = [0.2, 0.2, 0.2, 0.2, 1, 1, 1]
    np.testing.assert_allclose(trace.insertion[:, 0], cat, rtol=1e-6)
    np.testing.assert_allclose(trace.insertion[:, 3], tree, rtol=1e-6)
    np.testing.assert_allclose(trace.insertion[:, 1:3], 0.9, rtol=1e-6)
    hidden = [1, 0.55, 0.55, 0.55, 0.325, 0.325, 0.1]
    np.testing.assert_allclose(trace.deletion[:, 0], hidden, rtol=1e-6)
    np.testing.assert_allclose(trace.deletion[:, 3], [1, 1] + [0.2] * 5, rtol=1e-6)
    np.testing.assert_allclose(trace.area, np.arange(7) / 6)
    assert trace.insertion.dtype == np.float32
    assert trace.n_tokens == 4


def test_the_trace_records_what_the_model_would_say_instead(trace, generation, model, image):
    cat, _, _, tree = generation.find("cat on a tree").ids
    dog = model.with_answer(image, "", "a dog").ids[1]
    assert trace.insertion_predicted[:, 0].tolist() == [dog] + [cat] * 6
    assert trace.deletion_predicted[:, 3].tolist() == [tree] * 2 + [OTHER] * 5


def test_area_follows_the_regions_not_their_number():
    lopsided = Regions.from_labels(np.array([[0, 1, 1, 1]]))
    model = PlantedModel("cat", {"cat": Evidence(boxes=[(0, 0, 1, 1)])})
    generation = model.generate(np.zeros((1, 4, 3), np.uint8), "")
    scorer = model.scorer(generation, generation.all(), lopsided)
    trace = trace_of(np.array([1, 0]), SubsetEvaluator(scorer, 2), lopsided)
    assert trace.area.tolist() == [0.0, 0.75, 1.0]


def test_the_last_insertion_row_is_the_untouched_image(trace, model, generation, regions):
    scorer = model.scorer(generation, generation.find("cat on a tree"), regions)
    whole = scorer(np.ones((1, 6), dtype=bool))
    assert (trace.insertion[-1] == whole.probability[0]).all()
    assert (trace.deletion[0] == whole.probability[0]).all()
    assert (trace.insertion_predicted[-1] == whole.predicted[0]).all()


def test_deletion_is_insertion_of_the_complement(trace, evaluate, regions):
    reverse = trace_of(ORDER[::-1], evaluate, regions)
    assert (trace.deletion == reverse.insertion[::-1]).all()
    assert (trace.insertion == reverse.deletion[::-1]).all()
    assert (trace.deletion_predicted == reverse.insertion_predicted[::-1]).all()


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_the_batch_size_never_changes_a_trace(batch_size, rng, image):
    answer, evidence = "a cat", {"cat": Evidence(boxes=[(1, 2, 13, 11), (3, 1, 20, 15)])}
    labels = np.concatenate([np.arange(9), rng.integers(0, 9, size=16 * 24 - 9)]).reshape(16, 24)
    regions, order = Regions.from_labels(labels), rng.permutation(9)

    def traced(size):
        model = PlantedModel(answer, evidence, batch_size=size)
        generation = model.generate(image, "")
        scorer = model.scorer(generation, generation.all(), regions)
        return trace_of(order, SubsetEvaluator(scorer, 9), regions)

    assert traced(batch_size) == traced(None)


def test_replaying_a_replayed_order_costs_nothing(trace, evaluate, regions):
    passes = evaluate.forward_passes
    again = trace_of(Ranking(order=trace.order, searched=6), evaluate, regions)
    assert again == trace
    assert evaluate.forward_passes == passes == 2 * 7 - 2  # ∅ and V are asked from both sides


def test_a_given_order_counts_as_searched_and_a_ranking_says_for_itself(evaluate, regions):
    assert trace_of(ORDER, evaluate, regions).searched == 6
    assert trace_of(Ranking(order=ORDER, searched=2), evaluate, regions).searched == 2


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 1, 2, 3, 4, 4], [1, 2, 3, 4, 5, 6]])
def test_an_order_that_misses_a_region_is_refused(order, evaluate, regions):
    with pytest.raises(RegionError, match="each of the 6 regions once"):
        trace_of(np.array(order), evaluate, regions)


def test_curves_are_means_over_the_tokens_asked_for(trace):
    np.testing.assert_allclose(trace.insertion_curve([0, 3])[:2], [0.15, 0.375], rtol=1e-6)
    np.testing.assert_allclose(trace.deletion_curve([3]), [1, 1] + [0.2] * 5, rtol=1e-6)
    np.testing.assert_allclose(trace.insertion_curve()[0], (0.1 + 0.9 + 0.9 + 0.2) / 4, rtol=1e-6)


def test_no_tokens_have_no_curve(trace):
    assert np.isnan(trace.insertion_curve([])).all()
    assert np.isnan(trace.deletion_curve(np.array([], dtype=int))).all()


@pytest.mark.parametrize("token", [-1, 4])
def test_a_token_outside_the_target_is_refused(trace, token):
    with pytest.raises(TargetError, match=r"not all in 0\.\.3"):
        trace.insertion_curve([0, token])


def test_the_area_under_a_ramp_is_a_half_whatever_the_steps():
    area = np.array([0.0, 0.1, 0.7, 1.0])
    assert area_under(area, area) == pytest.approx(0.5)


def test_a_trace_is_read_only_and_equal_to_its_copy():
    trace = two_regions()
    assert trace == two_regions()
    assert trace != two_regions(searched=1)
    with pytest.raises(ValueError, match="read-only"):
        trace.insertion[0, 0] = 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": np.array([1, 1])}, "once each"),
        ({"searched": 3}, "searched must be in 0..2; got 3"),
        ({"insertion": np.full((3, 1), np.nan)}, "probabilities in"),
        ({"deletion": np.full((3, 1), 1.5)}, "probabilities in"),
        ({"area": np.array([0, np.nan, 1])}, "areas of a trace rise"),
        ({"area": np.array([0, 0.6, 0.5])}, "areas of a trace rise"),
        ({"area": np.array([0.1, 0.5, 1])}, "areas of a trace rise"),
        ({"area": np.array([0, 0.5, 0.9])}, "areas of a trace rise"),
    ],
)
def test_a_trace_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ResultError, match=message):
        two_regions(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"deletion": np.zeros((3, 2))},
        {"insertion": np.zeros((2, 1))},
        {"area": np.array([0.0, 1.0])},
        {"insertion_predicted": np.zeros((4, 1), int)},
    ],
)
def test_tables_that_do_not_fit_together_are_refused(changes, as_users_run_it):
    with pytest.raises(ResultError, match="3 rows in every table"):
        two_regions(**changes)
