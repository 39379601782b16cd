"""What methods cost and what errors change, worked out as a reader would."""

import json

import bench
import comparisons
import costs
import numpy as np
import pages
import pytest
import torch
import variants
from part import Options
from store import rows_of

import eagle_mllm as eagle

QUICK = ("--quick", "--model", "llava", "--threads", "1")


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _row(method, gap, seed, **others):
    row = {"model": "llava", "target": "word", "seed": seed, "method": method}
    return {**row, "insertion": gap + 0.5, "deletion": 0.5, "gap": gap, **others}


def _write(folder, part, rows):
    (folder / f"{part}.json").write_text(json.dumps({"runs": [], "rows": rows}))


def test_an_error_s_effect_is_paired_by_scene(tmp_path):
    ours = [_row("tam", gap, seed) for seed, gap in enumerate([0.2, 0.4, 0.9])]
    spoilt = [_row("tam, eagle", gap, seed) for seed, gap in ((1, 0.3), (0, 0.1))]
    _write(tmp_path, "variants", ours + spoilt)
    lines = pages.markdown(comparisons.variant_table(tmp_path)).splitlines()
    assert len(lines) == 3
    # The third scene has no partner: 0.3 and 0.2 on the others, and -0.1 on each of them.
    assert "| 2 | 0.300 | 0.200 | -0.100 [-0.100, -0.100] | +0.000" in lines[2]


def test_pointing_compares_a_map_with_itself_turned_around(tmp_path):
    hits = [(True, False), (True, True), (False, True), (True, False)]
    rows = [
        _row("igos++", 0.1, seed, hit=hit, hit_turned=turned)
        for seed, (hit, turned) in enumerate(hits)
    ]
    _write(tmp_path, "variants", rows)
    (line,) = pages.markdown(comparisons.pointing_table(tmp_path)).splitlines()[2:]
    assert line.startswith("| LLaVA | 4 | 75% | 50% | -0.250")


def test_costs_are_shown_by_model_with_what_lies_above_it(tmp_path):
    one = {"dtype": "float32", "threads": 1, "passes": [50, 52], "backward": 5}
    one |= {"cpu_seconds": [1.0, 2.0, 3.0], "before_mib": 400.0, "peak_mib": 425.0}
    rows = [{**one, "model": model, "method": "tam"} for model in ("internvl", "llava")]
    rows.append({**rows[0], "threads": 2})
    _write(tmp_path, "costs", rows)
    lines = pages.markdown(comparisons.cost_table(tmp_path)).splitlines()[2:]
    assert lines[0] == "| `tam` | LLaVA | 51 | 5 | 2.0 [1.0, 3.0] | 425 | 25 |"
    assert [line.split(" | ")[1] for line in lines] == ["LLaVA", "InternVL"]


def test_a_wrapped_map_ranks_what_is_0_first_and_then_as_before():
    class Ramp(eagle.baselines.CentrePrior):
        def map_of(self, question):
            return np.array([[0.0, 0.001, 0.5, 1.0]], dtype=np.float32)

    wrapped = variants.Wrapped(method=Ramp()).map_of(None)
    # Below 1/255 is 0 as well.
    assert wrapped.tolist() == [[256, 256, 127, 255]]


def test_variants_measure_each_error_beside_its_method(tmp_path):
    bench.main(["variants", *QUICK, "--out", str(tmp_path)])
    rows = rows_of(tmp_path / "variants.json")
    assert {row["method"] for row in rows} == set(variants.methods())
    named = {name for ours, theirs, _ in comparisons.ERRORS for name in (ours, theirs)}
    assert named == set(variants.methods())
    assert all(("hit" in row) == (row["target"] == "word") for row in rows)
    gaps = {(row["target"], row["method"]): row["gap"] for row in rows}
    assert gaps["word", "tam"] != gaps["word", "tam, eagle"]
    assert gaps["word", "igos++"] != gaps["word", "igos++, eagle"]


@pytest.mark.slow
def test_costs_are_measured_in_a_process_each(tmp_path):
    bench.main(["costs", *QUICK, "--out", str(tmp_path)])
    rows = {row["method"]: row for row in rows_of(tmp_path / "costs.json")}
    assert set(rows) == set(costs.methods(quick=True))
    assert [rows[name]["backward"] for name in ("tam", "llava-cam", "igos++")] == [0, 2, 8]
    assert all(row["cpu_seconds"][1] > 0 for row in rows.values())


def test_the_passes_that_go_backward_are_those_of_the_method_s_definition():
    full = costs.methods()
    assert {name: costs.backward(method) for name, method in full.items()} == {
        **dict.fromkeys(full, 0),
        "llava-cam": 50,
        "igos++": 200,
        "igos++, one mask": 100,
    }
    assert list(full)[-1] == "eagle"
    keys = list(costs.COSTS.keys(Options(models=("llava",))))
    assert [key["method"] for key in keys] == list(full)
