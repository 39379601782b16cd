"""The benchmark measures what is missing, and nothing twice."""

import json

import bench
import numpy as np
import pytest
import quality
import torch
from part import Options
from samples import greedy_subsets
from searches import EXACT, PLANS, computed
from store import RESULTS, rows_of

import eagle_mllm as eagle
from eagle_mllm.attribution.search.registry import SEARCHES

QUICK = ("--quick", "--model", "llava", "--threads", "1")


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _bench(*arguments, out):
    bench.main([*arguments, *QUICK, "--out", str(out)])


def test_every_part_has_a_file_and_a_key_of_its_own():
    assert list(bench.PARTS) == [part.name for part in bench.PARTS.values()]
    for part in bench.PARTS.values():
        keys = list(part.keys(Options(quick=True, last=1)))
        assert keys
        assert all(key.keys() == keys[0].keys() for key in keys)
        assert len({tuple(key.values()) for key in keys}) == len(keys)


def test_committed_rows_have_the_keys_that_are_measured():
    # Otherwise a second call would measure everything anew.
    for part in bench.PARTS.values():
        names = next(iter(part.keys(Options()))).keys()
        rows = rows_of(RESULTS / f"{part.name}.json")
        assert rows
        assert all(names <= row.keys() for row in rows), part.name


def test_evidence_counts_hits_and_words_of_right_captions(tmp_path):
    _bench("evidence", out=tmp_path)
    (row,) = rows_of(tmp_path / "evidence.json")
    assert row["scenes"] == 2 <= row["scenes_tried"]
    assert 0 < row["evidence_words"] < row["words"]
    assert row["pointing_game"] == row["pointing_hits"] / 2
    # Two picks of one region each, and the trace of the sentence, of nine regions or so.
    assert 2 * 2 * 2 * 9 // 2 <= row["passes"] <= 2 * 4 * 2 * 9


def test_a_second_call_measures_only_what_is_missing(tmp_path, monkeypatch):
    _bench("quality", out=tmp_path)
    path = tmp_path / "quality.json"
    whole = json.loads(path.read_text())
    searches = {(row["target"], row["search"]) for row in whole["rows"]}
    assert len(whole["rows"]) == len(searches) == 2 * len(PLANS)

    cut = {**whole, "rows": whole["rows"][:-1]}
    path.write_text(json.dumps(cut))
    _bench("quality", out=tmp_path)
    assert json.loads(path.read_text()) == whole

    monkeypatch.setattr(quality, "right_sample", None)  # not even a caption is asked for
    _bench("quality", out=tmp_path)
    assert json.loads(path.read_text()) == whole


def test_speed_compares_both_loops_on_both_ways_to_make_pixels(tmp_path):
    _bench("speed", out=tmp_path)
    processor, component = rows_of(tmp_path / "speed.json")
    assert (processor["pixels"], component["pixels"]) == ("processor", "component")
    assert processor["max_difference"] <= 1e-4
    # A single token may change more where Pillow rounds between its two passes.
    assert component["max_mean_difference"] <= 2e-2
    assert component["max_mean_difference"] <= component["max_difference"]
    for row in (processor, component):
        low, median, high = row["ratio"]
        assert 0 < low <= median <= high
        assert row["passes"] == row["rounds"] * 16


def test_wall_times_all_three_sides_in_one_row_and_marks_an_estimate(tmp_path):
    _bench("wall", "--estimate", out=tmp_path)
    (row,) = rows_of(tmp_path / "wall.json")
    assert row["reference"]["estimated"]
    assert row["reference"]["passes"] == row["regions"] * (row["regions"] + 1)
    assert row["reference"]["timed_passes"] == 2 * row["regions"] + 2 * (row["regions"] - 1)
    assert row["exact greedy"]["search"] == "greedy"
    assert row["exact greedy"]["passes"] < row["reference"]["passes"]
    assert row["default"]["seconds"] > 0


def test_startup_says_whether_torch_is_loaded(tmp_path):
    _bench("startup", out=tmp_path)
    (row,) = rows_of(tmp_path / "startup.json")
    assert row["loads_torch"] is False


def test_every_result_names_machine_versions_commit_and_precision(tmp_path):
    _bench("startup", out=tmp_path)
    (run,) = json.loads((tmp_path / "startup.json").read_text())["runs"]
    assert run["machine"].keys() == {"cpu", "cores", "memory_gib", "threads", "accelerator"}
    assert run["machine"]["threads"] == 1
    assert run["packages"]["torch"]
    assert run["model"]["dtype"] == "float32"
    assert run["settings"] == {"threads": 1, "quick": True}
    assert "git" in run


@pytest.mark.slow
def test_memory_is_measured_in_a_process_of_its_own(tmp_path):
    _bench("memory", out=tmp_path)
    rows = rows_of(tmp_path / "memory.json")
    assert [row["side"] for row in rows] == ["reference", "ours"]
    assert all(0 < row["before_mib"] <= row["peak_mib"] for row in rows)


def test_what_a_search_asks_for_adds_up_to_its_passes(tmp_path):
    _bench("batches", "quality", out=tmp_path)
    passes = {
        row["search"]: row["passes"]
        for row in rows_of(tmp_path / "quality.json")
        if row["target"] == "sentence"
    }
    rows = rows_of(tmp_path / "batches.json")
    assert {row["search"]: computed(row["asked"], 1) for row in rows} == passes


def test_padding_counts():
    # Three scans of 9 and one of 4: two batches of 8 each, and one.
    assert computed({"9": 3, "4": 1}, 8) == 3 * 16 + 8


def test_a_range_of_scenes_without_scenes_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["--scenes", "5:5"])
    assert "contains no scenes" in capsys.readouterr().err


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["speeed"])
    assert "speeed" in capsys.readouterr().err


# --- searches ------------------------------------------------------------------------------------


def test_every_search_of_the_registry_is_compared():
    assert {plan.name for plan in PLANS} == SEARCHES.keys()


def test_labels_differ_and_exact_greedy_comes_first():
    labels = [plan.label for plan in PLANS]
    assert len(set(labels)) == len(labels)
    assert labels[0] == EXACT
    assert PLANS[0].search == eagle.GreedySearch()


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.label)
def test_a_search_keeps_its_budget(plan):
    assert plan.search.planned_passes(64) <= plan.passes


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.label)
def test_shared_scores_change_neither_the_result_nor_its_cost(plan, model, generation, regions):
    target = generation.all()
    regions = regions.linked(generation.image)
    scores = quality.Remembered(model.scorer(generation, target, regions), len(regions))
    quality.ranked(PLANS[0], regions, scores)  # another search has filled the memory
    shared = quality.ranked(plan, regions, scores)
    method = eagle.Eagle(search=plan.search)
    alone = eagle.attribute(model, generation, target, regions=regions, method=method)
    assert shared["passes"] == alone.forward_passes
    assert shared["gap"] == pytest.approx(eagle.metrics.faithfulness_gap(alone.trace), abs=1e-6)


def test_subsets_are_those_of_a_greedy_scan():
    batches = greedy_subsets(10, 8)
    for _ in range(20):
        shown, hidden = np.split(next(batches), 2)
        assert (shown == ~hidden).all()
        sizes = shown.sum(axis=1)
        assert (sizes == sizes[0]).all()
        assert 1 <= sizes[0] <= 10
