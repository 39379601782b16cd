"""Figures in the pages are those of the results, worked out as a reader would."""

import json
import math

import performance
import pytest
import reach
from gains import gains
from plots import search_plot
from searches import EXACT

import tables

FAMILIES = ("llava", "qwen2_5_vl")


def _row(search, gap, *, family="llava", seed=0, passes=100, **others):
    row = {
        "family": family,
        "dtype": "float32",
        "target": "sentence",
        "regions_asked": 64,
        "seed": seed,
        "search": search,
        "passes": passes,
        "insertion": gap + 0.1,
        "deletion": 0.1,
        "gap": gap,
    }
    return row | others


def _write(folder, part, rows):
    (folder / f"{part}.json").write_text(json.dumps({"runs": [], "rows": rows}))


@pytest.fixture
def quality_rows():
    exact = [_row(EXACT, gap, seed=seed, passes=4000) for seed, gap in enumerate([0.4, 0.6, 0.8])]
    half = [_row("half", gap / 2, seed=seed) for seed, gap in enumerate([0.4, 0.6, 0.8])]
    return exact + half


# --- gains ---------------------------------------------------------------------------------------


def test_a_share_is_the_ratio_of_the_mean_gaps(quality_rows):
    exact, half = gains(quality_rows, target="sentence")
    assert (exact.search, exact.share, exact.share_interval) == (EXACT, 1.0, (1.0, 1.0))
    assert half.gap == pytest.approx(0.3)
    assert half.share == pytest.approx(0.5)
    # Gaps differ from sample to sample, but each loses the same half: drawn together, no doubt.
    assert half.share_interval == pytest.approx((0.5, 0.5))


def test_an_interval_spans_the_samples_that_could_have_been_drawn(quality_rows):
    mixed = [_row("mixed", gap, seed=seed) for seed, gap in enumerate([0.2, 0.6, 0.8])]
    low, high = gains([*quality_rows, *mixed], target="sentence")[2].share_interval
    # The first sample alone has a share of 1/2, the others of 1.
    assert low == pytest.approx(0.5, abs=0.15)
    assert high == pytest.approx(1.0)


def test_samples_that_exact_greedy_lacks_do_not_count(quality_rows):
    lucky = _row("half", 5.0, seed=9)
    assert gains([*quality_rows, lucky], target="sentence") == gains(
        quality_rows, target="sentence"
    )


def test_families_are_pooled_or_told_apart():
    rows = [
        _row(search, gap, family=family)
        for family, exact, other in zip(FAMILIES, (0.5, 1.0), (0.5, 0.5), strict=True)
        for search, gap in ((EXACT, exact), ("other", other))
    ]
    pooled = gains(rows, target="sentence")[1]
    assert (pooled.samples, pooled.share) == (2, pytest.approx(1.0 / 1.5))
    alone = gains(rows, target="sentence", family="qwen2_5_vl")[1]
    assert (alone.samples, alone.share) == (1, 0.5)
    assert math.isnan(alone.share_interval[0])


def test_other_questions_are_left_out(quality_rows):
    assert gains(quality_rows, target="word") == []
    assert gains(quality_rows, target="sentence", regions_asked=32) == []
    assert gains(quality_rows, target="sentence", dtype="bfloat16") == []


# --- goals ---------------------------------------------------------------------------------------


def test_goals_without_results_are_open(tmp_path):
    lines = reach.reach_table(tmp_path).splitlines()[2:]
    assert len(lines) == len(reach.GOALS)
    assert all(line.endswith("| open |") for line in lines)


def test_a_goal_within_a_budget_takes_the_best_search_that_keeps_it(tmp_path, quality_rows):
    dear = [_row("dear", gap, seed=seed, passes=2000) for seed, gap in enumerate([0.4, 0.6, 0.9])]
    _write(tmp_path, "quality", quality_rows + dear)
    found = reach.share_within("sentence", passes=1400, share=0.99)(tmp_path)
    assert found.reached is False
    assert found.measured.startswith("half: 50.0% [50.0, 50.0] at 100 passes, n = 3")
    assert reach.share_within("sentence", passes=2000, share=0.99)(tmp_path).reached


def test_above_exact_greedy_means_the_whole_interval(tmp_path, quality_rows):
    doubtful = [_row("mixed", gap, seed=seed) for seed, gap in enumerate([0.3, 0.7, 0.9])]
    _write(tmp_path, "quality", quality_rows + doubtful)
    assert reach.above_exact(tmp_path).reached is False
    better = [_row("better", gap, seed=seed) for seed, gap in enumerate([0.5, 0.7, 0.9])]
    _write(tmp_path, "quality", quality_rows + better)
    assert reach.above_exact(tmp_path).reached is True


def test_the_slowest_family_decides_about_speed(tmp_path):
    rows = [
        {
            "family": family,
            "dtype": "float32",
            "pixels": "component",
            "case": performance.USUAL_CASE,
            "ratio": [ratio - 1, ratio, ratio + 1],
            "max_difference": 1e-3,
            "max_mean_difference": 1e-4,
        }
        for family, ratio in zip(FAMILIES, (9.0, 4.9), strict=True)
    ]
    _write(tmp_path, "speed", rows)
    assert reach.speed(tmp_path) == ("LLaVA 9.0×, Qwen2.5-VL 4.9×", False)
    assert reach.agreement(tmp_path) == reach.NOTHING  # the exact path is not there
    rows.append({**rows[0], "pixels": "processor", "max_difference": 2e-4})
    _write(tmp_path, "speed", rows)
    assert reach.agreement(tmp_path).reached is False


def test_the_default_must_be_fast_and_good(tmp_path):
    row = {
        "family": "llava",
        "dtype": "float32",
        "regions_asked": 64,
        "reference": {"seconds": 100.0},
        "exact greedy": {"seconds": 20.0, "gap": 0.5},
        "default": {"seconds": 5.0, "gap": 0.4},
    }
    _write(tmp_path, "wall", [row])
    assert reach.wall_exact(tmp_path) == ("LLaVA 5.0×", True)
    assert reach.wall_default(tmp_path) == ("LLaVA 20.0×; 80.0% of the gap on these scenes", False)


def test_goals_on_an_accelerator_are_judged_by_its_rows(tmp_path):
    usual = {"shape": "qwen2.5-vl-7b", "weights_gib": 15.0}
    rows = [
        usual | {"side": "reference", "batch": 1, "seconds": [0.1, 0.12, 0.2], "peak_gib": 16.0},
        usual | {"side": "ours", "batch": 8, "seconds": [0.01, 0.02, 0.03], "peak_gib": 16.5},
        usual | {"side": "ours", "batch": 32, "seconds": None, "peak_gib": 80.0},
    ]
    _write(tmp_path, "gpu", rows)
    assert reach.gpu_memory(tmp_path) == ("weights + 1.50 GiB", True)
    assert reach.gpu_speed(tmp_path) == ("qwen2.5-vl-7b 6.0×", True)


# --- pages ---------------------------------------------------------------------------------------


def test_every_table_has_its_place_and_is_current():
    pages = [(tables.ROOT / name).read_text(encoding="utf-8") for name in tables.PAGES]
    tables.require_every_table(pages)
    assert [tables.renewed(page) for page in pages] == pages


def test_a_lost_mark_is_reported():
    with pytest.raises(SystemExit, match=r"no page of .* has a place for .*speed"):
        tables.require_every_table(["<!-- accuracy -->\n<!-- end -->"])


def test_an_unknown_mark_is_reported():
    with pytest.raises(SystemExit, match="there is no table 'sped'"):
        tables.renewed("<!-- sped -->\n<!-- end -->")


def test_a_table_of_searches_shows_passes_gap_and_share(tmp_path, quality_rows):
    _write(tmp_path, "quality", quality_rows)
    lines = performance.quality_table("sentence", 64)(tmp_path).splitlines()
    assert lines[3] == (
        "| half | 3 | 100 | 0.400 | 0.100 | 0.300 | 50.0% [50.0, 50.0] | 50.0% | – | – |"
    )
    assert performance.quality_table("word", 64)(tmp_path) == performance.MISSING


def test_the_plot_has_a_panel_for_each_model_and_target(tmp_path, quality_rows):
    figure = search_plot(quality_rows)
    assert len(figure.axes) == 6
    first, *others = figure.axes
    assert first.get_title() == "LLaVA, whole caption (n = 3)"
    assert len(first.containers) == 2  # a mark with its error bar for each search
    assert not any(panel.containers for panel in others)
    figure.savefig(tmp_path / "search.png", dpi=40)
