"""Rows that need no look inside the model, on six regions of 8 x 8 pixels:

0 1 2
3 4 5
"""

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.attribution.model import Scorer
from eagle_mllm.baselines.centre_prior import CentrePrior
from eagle_mllm.baselines.random_order import RandomOrder
from eagle_mllm.baselines.single_scan import SingleScan
from eagle_mllm.errors import SettingError
from eagle_mllm.testing import PlantedModel

ROWS = [RandomOrder(), CentrePrior(), SingleScan(), SingleScan(direction="insertion")]


class Cropped(Scorer):
    """Looks only at columns 8 to 24: steps of which no pixel is there are not seen."""

    def __init__(self, scorer, regions):
        self._scorer = scorer
        self._seen = np.array([regions.mask([r])[:, 8:].any() for r in range(len(regions))])

    @property
    def seen_regions(self):
        return self._seen

    def __call__(self, shown):
        return self._scorer(shown)


class Crops(PlantedModel):
    def scorer(self, generation, target, regions, **options):
        return Cropped(super().scorer(generation, target, regions, **options), regions)


@pytest.fixture
def explain(model, generation, regions):
    def explained(method, word="cat"):
        target = generation.find(word)
        return eagle.attribute(model, generation, target, method=method, regions=regions)

    return explained


@pytest.mark.parametrize("ranking", ["regions", "pixels"])
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_a_row_keeps_the_contract_of_results(row, ranking, explain):
    from dataclasses import fields, replace

    method = replace(row, ranking=ranking)
    found = explain(method)
    assert found.saliency.dtype == np.float32
    assert found.saliency.max() == 1
    assert found.saliency.min() >= 0
    assert found.method == method.name
    assert found.objective is None
    assert found.trace.searched == 0
    assert found.forward_passes <= method.planned_passes(6)
    settings = found.provenance["settings"]
    assert settings["ranking"] == ranking
    assert {field.name for field in fields(method)} < settings.keys()
    again = explain(method)
    assert np.array_equal(again.trace.order, found.trace.order)
    assert np.array_equal(again.saliency, found.saliency)


def test_occlusion_by_hand(explain):
    # Of the cat, half is in region 4 and a quarter in 3 and 5; p falls from 1 towards 0.1.
    found = explain(SingleScan())
    expected = np.kron([[0, 0, 0], [0.5, 1, 0.5]], np.ones((8, 8)))
    np.testing.assert_allclose(found.saliency, expected, atol=1e-6)
    assert found.trace.order.tolist() == [4, 3, 5, 0, 1, 2]
    # The whole and six without one region; of the 12 of the trace, the whole and those without
    # the first and without the last are among them.
    assert found.forward_passes == 7 + 12 - 3 == SingleScan().planned_passes(6)


def test_a_scan_by_insertion_does_not_find_what_counts_only_together(explain):
    alone, without = (
        explain(SingleScan(direction=one), "tree") for one in ("insertion", "deletion")
    )
    assert alone.saliency.max() == 0
    assert set(without.trace.order[:2].tolist()) == {2, 5}


def test_what_speaks_against_a_target_is_last_and_without_saliency(image, regions):
    lure = eagle.testing.Evidence(boxes=[(0, 8, 8, 16)], base=0.1, peak=0.9, rival="No")
    model = PlantedModel("Yes", {"Yes": lure})
    generation = model.generate(image, "Is there a handbag?")
    target = generation.counterfactual("No")
    found = eagle.attribute(model, generation, target, method=SingleScan(), regions=regions)
    assert found.trace.order[-1] == 3
    assert found.saliency.max() == 0


def test_the_middle_comes_first(explain):
    found = explain(CentrePrior())
    assert set(found.trace.order[:2].tolist()) == {1, 4}
    # The middle is between the pixels 7 and 8 of 16, 11 and 12 of 24.
    row, column = 0.5 / 16, 0.5 / 24
    corner = (0.5 - row) ** 2 + (0.5 - column) ** 2 - row**2 - column**2
    assert found.saliency[0, 0] == pytest.approx(np.exp(-corner / 0.125), rel=1e-5)
    assert np.argwhere(found.saliency == 1).tolist() == [[7, 11], [7, 12], [8, 11], [8, 12]]
    assert found.forward_passes == 12


def test_chance_depends_on_seed_and_target_and_on_nothing_else(explain):
    orders = [
        tuple(explain(RandomOrder(seed=seed), word).trace.order.tolist())
        for seed in range(6)
        for word in ("cat", "tree")
    ]
    assert len(set(orders)) > 6
    assert orders[0] == tuple(explain(RandomOrder()).trace.order.tolist())


def test_every_region_is_first_about_as_often(explain):
    firsts = [int(explain(RandomOrder(seed=seed)).trace.order[0]) for seed in range(60)]
    # Ten each are expected, with a standard deviation of 2.9.
    assert min(np.bincount(firsts, minlength=6)) > 1


@pytest.mark.parametrize("ranking", ["regions", "pixels"])
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_what_the_model_never_sees_is_last_and_has_neither_saliency_nor_area(
    row, ranking, image, regions
):
    from dataclasses import replace

    model = Crops("a cat", {"cat": eagle.testing.Evidence(boxes=[(8, 8, 24, 16)], base=0.1)})
    generation = model.generate(image, "What?")
    found = eagle.attribute(
        model,
        generation,
        generation.find("cat"),
        method=replace(row, ranking=ranking),
        regions=regions,
    )
    assert (found.saliency[:, :8] == 0).all()
    assert found.regions.mask(found.unseen)[:, :8].all()
    assert not found.regions.mask(found.unseen)[:, 8:].any()
    assert found.trace.area[-1 - len(found.unseen)] == 1


def test_pixels_are_ranked_in_64_steps_of_equal_area(explain):
    found = explain(CentrePrior(ranking="pixels"))
    assert found.regions.method == "pixels"
    np.testing.assert_allclose(np.diff(found.trace.area), 1 / 64)
    assert found.trace.order.tolist() == list(range(64))
    first = found.saliency[found.regions.mask([0])]
    assert first.min() >= found.saliency[~found.regions.mask([0])].max()
    # The whole and the empty image are scored once, the 63 steps between them twice.
    assert found.forward_passes == 2 * 64 == CentrePrior(ranking="pixels").planned_passes(6)


def test_a_scan_counts_the_passes_of_both_its_partitions(explain):
    method = SingleScan(ranking="pixels")
    found = explain(method)
    # 7 on the six regions, 128 on the 64 steps: two scorers do not know of each other.
    assert found.forward_passes == 7 + 128


def test_several_targets_by_pixels_count_all_passes_and_tell_them(model, generation, regions):
    told = []
    found = eagle.attribute_each(
        model,
        generation,
        [generation.find("cat"), generation.find("tree")],
        method=SingleScan(ranking="pixels"),
        regions=regions,
        on_pass=told.append,
    )
    assert [one.forward_passes for one in found] == [7 + 128, 128]
    assert told == sorted(told)
    assert told[-1] == 7 + 128 + 128


def test_a_method_of_ones_own_is_a_subclass_with_a_map(explain):
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Column(eagle.baselines.MapMethod):
        at: int = 0

        @property
        def name(self):
            return "column"

        def map_of(self, question):
            values = np.zeros(question.regions.shape, np.float32)
            values[:, self.at] = 2.0
            question.evaluate.add(3)
            return values

    found = explain(Column(at=9))
    assert found.trace.order.tolist() == [1, 4, 0, 2, 3, 5]
    assert found.forward_passes == 3 + 12
    assert found.provenance["settings"]["at"] == 9
    assert found.saliency.max() == 1


@pytest.mark.usefixtures("as_users_run_it")
def test_settings_out_of_range_are_refused():
    for make, words in (
        (lambda: RandomOrder(seed=-1), "seed must be"),
        (lambda: CentrePrior(width=0.0), "width must be"),
        (lambda: CentrePrior(width=float("nan")), "width must be"),
        (lambda: SingleScan(direction="both"), "unknown direction 'both'"),
        (lambda: CentrePrior(ranking="pixel"), "unknown ranking 'pixel'"),
    ):
        with pytest.raises(SettingError, match=words):
            make()


def test_a_baseline_is_known_by_its_name_and_its_settings_hide_none_of_a_result():
    from dataclasses import fields

    from eagle_mllm.runs.methods import METHODS

    for name, method in eagle.baselines.BASELINES.items():
        assert method().name == name
        assert METHODS[name].model_validate({"name": name}).make() == method()
        # A result keeps these two beside the settings of its method.
        assert not {field.name for field in fields(method)} & {"method", "batch_size"}
