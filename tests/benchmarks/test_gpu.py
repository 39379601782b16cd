"""The accelerator's benchmark runs without one, on narrow models of the same architectures."""

import bench
import pytest
import torch
from part import Options
from reference import ReferenceScorer
from shapes import SHAPES, build, tiny, wrapped
from store import rows_of
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import eagle_mllm as eagle
import gpu

NAMES = ("llava-1.5-7b", "qwen2.5-vl-3b", "internvl3.5-4b")


def test_a_tiny_run_measures_both_loops_once(tmp_path, monkeypatch):
    arguments = ["gpu", "--quick", "--shape", "qwen2.5-vl-7b", "--out", str(tmp_path)]
    bench.main(arguments)
    rows = rows_of(tmp_path / "gpu.json")
    assert [(row["side"], row["batch"]) for row in rows] == [
        ("reference", 1),
        *(("ours", batch) for batch in gpu.TINY_BATCHES),
        *((name, gpu.BASELINE_BATCH) for name in ("single-scan", "tam", "llava-cam", "igos++")),
        *((f"ours, {kind} MLP", gpu.BATCH) for kind in ("own", "aligned")),
    ]
    loops = [row for row in rows if row["side"].startswith(gpu.SCORERS)]
    assert all(row["seconds"][1] > 0 and row["tflops"] > 0 for row in loops)
    explained = [row for row in rows if row not in loops]
    assert all(row["explanation_seconds"] > 0 for row in explained)
    assert [row["backward"] for row in explained] == [0, 0, 2, 8]
    monkeypatch.setattr(gpu, "build", None)  # a second call builds nothing
    bench.main(arguments)
    assert rows_of(tmp_path / "gpu.json") == rows


@pytest.mark.parametrize("name", [name for name in NAMES if "llava" not in name])
def test_each_variant_scores_what_the_model_scores_without_it(name):
    shape = tiny(SHAPES[name])
    parts = build(shape, device=torch.device("cpu"), dtype=torch.float32)
    model = wrapped(parts, batch_size=2)
    generation = gpu.sample(model, shape)
    regions = eagle.segment(generation.image, method="grid", n_regions=4)
    shown = regions.areas[None].repeat(2, axis=0) > [[0.0], [1.0]]

    def scores():
        return model.scorer(generation, generation.all(), regions)(shown).probability

    usual = scores()
    for side in gpu.variants_of(name, quick=True):
        with gpu.VARIANTS[side].changed(model):
            assert scores() == pytest.approx(usual, abs=1e-5)


def test_without_a_device_the_real_shapes_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--quick"):
        next(gpu.GPU.measure(Options(), iter([])))


@pytest.mark.parametrize("name", NAMES)
def test_operations_are_those_that_torch_counts(name):
    parts = build(tiny(SHAPES[name]), device=torch.device("cpu"), dtype=torch.float32)
    model = wrapped(parts, batch_size=1)
    generation = gpu.sample(model, tiny(SHAPES[name]))
    regions = eagle.segment(generation.image, method="grid", n_regions=2)
    facts = gpu.lengths(model, generation)
    score = ReferenceScorer(model, generation, generation.all(), regions=regions)
    # The plain kernel, because the counter does not see into the fused ones of the CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        score(regions.areas > 0)
    # The reference runs the whole answer, and the vocabulary's head over all positions.
    length = len(model.family.encode(generation.image, generation.prompt).ids)
    length += len(generation.ids)
    expected = gpu.flops_per_pass(
        model.module,
        length=length,
        rows=length,
        patches=facts["patches"],
        image_tokens=facts["image_tokens"],
    )
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("name", "tokens", "tflops"),
    [("llava-1.5-7b", 632, 8.7), ("qwen2.5-vl-3b", 406, 4.05), ("qwen2.5-vl-7b", 403, 7.1)],
)
def test_real_shapes_have_the_lengths_and_operations_worked_out_by_hand(name, tokens, tflops):
    parts = build(SHAPES[name], device=torch.device("meta"), dtype=torch.bfloat16)
    model = wrapped(parts, batch_size=1)
    facts = gpu.lengths(model, gpu.sample(model, SHAPES[name]))
    assert facts["tokens"] == pytest.approx(tokens, rel=0.02)
    assert facts["tflops"] == pytest.approx(tflops, rel=0.03)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llava-1.5-7b", 7.06),
        ("qwen2.5-vl-3b", 3.75),
        ("qwen2.5-vl-7b", 8.29),
        ("internvl3.5-4b", 4.73),
    ],
)
def test_real_shapes_have_the_published_number_of_weights(name, billions):
    parts = build(SHAPES[name], device=torch.device("meta"), dtype=torch.bfloat16)
    weights = sum(weight.numel() for weight in parts["module"].parameters())
    assert weights / 1e9 == pytest.approx(billions, abs=0.01)
