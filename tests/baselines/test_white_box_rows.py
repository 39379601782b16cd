"""Methods that look into a model, on evidence that is planted in region 4 of six."""

from dataclasses import replace

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.baselines.igos import IgosPlusPlus
from eagle_mllm.baselines.llava_cam import LlavaCam
from eagle_mllm.baselines.random_order import RandomOrder
from eagle_mllm.baselines.raw_attention import RawAttention
from eagle_mllm.baselines.tam import Tam
from eagle_mllm.errors import ModelError, SettingError
from eagle_mllm.testing import PlantedModel

ROWS = [
    LlavaCam(n_copies=3),
    IgosPlusPlus(),
    IgosPlusPlus(masks="one"),
    Tam(),
    Tam(variant="eagle"),
    RawAttention(),
]


@pytest.fixture
def explain(open_model, bright, regions):
    def explained(method, target=None):
        target = bright.find("cat") if target is None else target
        return eagle.attribute(open_model, bright, target, method=method, regions=regions)

    return explained


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_planted_evidence_is_found(explain, row):
    found = explain(row)
    assert found.trace.order[0] == 4
    y, x = np.unravel_index(found.saliency.argmax(), (16, 24))
    assert 8 <= y < 16
    assert 8 <= x < 16
    assert found.saliency[8:, 8:16].mean() > 2 * found.saliency.mean()


def test_the_integrals_of_the_tables_do_not_find_it(explain):
    # The second mask learns what to hide so that the target becomes more probable.
    assert explain(IgosPlusPlus(variant="eagle")).trace.order[0] != 4


def test_a_random_order_does_not_find_it(explain):
    first = [explain(RandomOrder(seed=seed)).trace.order[0] for seed in range(20)]
    assert first.count(4) < 10


@pytest.mark.parametrize("ranking", ["regions", "pixels"])
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_a_row_keeps_the_contract_of_results(explain, row, ranking):
    method = replace(row, ranking=ranking)
    found, again = explain(method), explain(method)
    assert found.saliency.dtype == np.float32
    assert found.saliency.max() == 1
    assert found.saliency.min() >= 0
    assert found.forward_passes <= method.planned_passes(6)
    assert found.forward_passes >= method.map_passes(6) - 2
    np.testing.assert_array_equal(found.saliency, again.saliency)
    np.testing.assert_array_equal(found.trace.order, again.trace.order)


@pytest.mark.parametrize("row", ROWS[:3], ids=repr)
def test_how_many_are_computed_at_once_changes_nothing(explain, row):
    one, many = (explain(replace(row, at_once=size)).saliency for size in (1, 7))
    np.testing.assert_allclose(one, many, atol=1e-5)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_a_model_of_scores_alone_is_refused_and_told_what_remains(image, row):
    model = PlantedModel("a cat", {})
    generation = model.generate(image, "What?")
    with pytest.raises(ModelError, match=r"gives scores only.*'eagle', 'single-scan'"):
        eagle.attribute(model, generation, generation.all(), method=row)


def test_cam_on_one_layer_by_hand():
    from eagle_mllm.baselines.llava_cam import cams

    activations = np.array([[[1.0, 2.0], [3.0, -1.0]]])
    gradients = np.array([[[1.0, -1.0], [3.0, -3.0]]])
    # Channel weights are (1 + 3)/2 = 2 and 0, so h = (2·1/2, 2·3/2) = (1, 3).
    np.testing.assert_allclose(cams(activations, gradients), [[1 / 3, 1]], rtol=1e-6)
    assert cams(activations, -np.abs(gradients)).tolist() == [[0, 0]]


def test_noise_of_cam_is_seeded_clipped_and_on_the_8_bit_scale(question):
    from eagle_mllm.attribution.white_box import white_box_of

    asked = question()
    image = np.full((200, 200, 3), 128, np.uint8)
    copy = LlavaCam()._copy(image, 3)
    assert copy.dtype == np.uint8
    # Truncation takes half a grey level off the mean.
    assert copy.mean() == pytest.approx(127.5, abs=0.3)
    assert copy.std() == pytest.approx(25.5, abs=0.3)
    assert (copy == LlavaCam()._copy(image, 3)).all()
    assert (copy != LlavaCam(seed=1)._copy(image, 3)).any()
    assert (copy != LlavaCam()._copy(image, 4)).any()
    white = LlavaCam(noise=1.0)._copy(np.full((9, 9, 3), 250, np.uint8), 0)
    assert white.max() == 255
    assert white_box_of(asked.model, asked.generation, asked.target).n_layers == 8


@pytest.mark.parametrize(
    ("family", "n_layers", "layer"),
    [
        ("llava", 32, 13),
        ("internvl", 36, 32),
        ("qwen_vl", 36, 32),
        ("qwen_vl", 28, 26),
        ("llava", 40, 16),
        ("qwen_vl", 80, 71),
        ("internvl", 4, 2),
        ("llava", 1, 0),
    ],
)
def test_cam_reads_the_layers_of_the_published_numbers_and_the_same_share_elsewhere(
    family, n_layers, layer
):
    assert LlavaCam().layer_of(family, n_layers) == layer
    # Behind the last layer there is no way from an image token to the answer.
    assert LlavaCam(depth=1.0).layer_of(family, n_layers) == max(n_layers - 2, 0)
    assert LlavaCam(depth=0.5).layer_of(family, n_layers) == n_layers // 2


def test_raw_attention_averages_the_middle_half(question, monkeypatch, written_look):
    asked = []

    def attention(self, layers):
        asked.append(list(layers))
        return np.stack([np.stack([self.cells] * len(self.target))] * len(layers))

    monkeypatch.setattr(written_look, "attention", attention)
    RawAttention().map_of(question())
    RawAttention(first=0.99, last=1.0).map_of(question())
    assert asked == [[2, 3, 4, 5], [7]]


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (LlavaCam, {"n_copies": 0}),
        (LlavaCam, {"depth": 1.5}),
        (LlavaCam, {"noise": -0.1}),
        (IgosPlusPlus, {"rate": float("nan")}),
        (IgosPlusPlus, {"size": 0}),
        (RawAttention, {"first": 0.8, "last": 0.2}),
    ],
)
def test_a_setting_out_of_range_is_refused(method, settings):
    with pytest.raises(SettingError):
        method(**settings)


@pytest.mark.parametrize(
    ("name", "wrong"), [("igos++", "masks"), ("igos++", "variant"), ("tam", "variant")]
)
def test_an_unknown_choice_in_a_file_is_refused(name, wrong):
    from eagle_mllm.runs.methods import method_of_table

    assert method_of_table({"name": name}).name == name
    with pytest.raises(SettingError):
        method_of_table({"name": name, wrong: "theirs"})
