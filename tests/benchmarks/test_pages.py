"""Figures in the pages are those of the results, worked out as a reader would."""

import json
import math

import pages
import pytest
from gains import gains, quality_table, search_plot, search_table
from searches import DEFAULT, EXACT
from store import ROOT

import tables

MODELS = ("llava", "qwen2_5_vl")


def _row(search, gap, *, model="llava", seed=0, passes=100, **others):
    row = {
        "model": model,
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


def test_models_are_pooled_or_told_apart():
    rows = [
        _row(search, gap, model=model)
        for model, exact, other in zip(MODELS, (0.5, 1.0), (0.5, 0.5), strict=True)
        for search, gap in ((EXACT, exact), ("other", other))
    ]
    pooled = gains(rows, target="sentence")[1]
    assert (pooled.samples, pooled.share) == (2, pytest.approx(1.0 / 1.5))
    alone = gains(rows, target="sentence", model="qwen2_5_vl")[1]
    assert (alone.samples, alone.share) == (1, 0.5)
    assert math.isnan(alone.share_interval[0])


def test_other_questions_are_left_out(quality_rows):
    assert gains(quality_rows, target="word") == []
    assert gains(quality_rows, target="sentence", regions_asked=32) == []
    assert gains(quality_rows, target="sentence", dtype="bfloat16") == []


# --- tables --------------------------------------------------------------------------------------


def _rows_of(table):
    return pages.markdown(table).splitlines()[2:]


def test_a_table_without_results_says_so(tmp_path):
    needs_no_results = {"accuracy", "faithful"}
    for name, made in pages.TABLES.items():
        if name not in needs_no_results:
            assert pages.markdown(made(tmp_path)) == pages.MISSING, name


def test_a_table_of_searches_shows_passes_gap_and_share(tmp_path, quality_rows):
    _write(tmp_path, "quality", quality_rows)
    assert _rows_of(quality_table(tmp_path, target="sentence", regions_asked=64))[1] == (
        "| half | 3 | 100 | 0.400 | 0.100 | 0.300 | 50.0% [50.0, 50.0] | 50.0% | – | – |"
    )
    assert _rows_of(quality_table(tmp_path, target="word", regions_asked=64)) == []


def test_the_table_of_the_readme_has_captions_and_words_of_each_search(tmp_path, quality_rows):
    words = [row | {"target": "word", "passes": 7} for row in quality_rows]
    only_captions = [_row("new", 0.5)]
    _write(tmp_path, "quality", quality_rows + words + only_captions)
    assert _rows_of(search_table(tmp_path)) == [
        f"| {EXACT} | 3, 3 | 4000 | 100.0% [100.0, 100.0] | 7 | 100.0% [100.0, 100.0] |",
        "| half | 3, 3 | 100 | 50.0% [50.0, 50.0] | 7 | 50.0% [50.0, 50.0] |",
    ]


def test_a_pass_is_shown_as_it_is_made_by_default(tmp_path):
    row = {"model": "internvl", "dtype": "float32", "threads": 2, "case": tables.USUAL_CASE}
    row |= {"our_seconds": [0.01, 0.02, 0.03], "reference_seconds": [0.03, 0.05, 0.06]}
    rows = [
        row | {"pixels": "component", "ratio": [2.0, 2.5, 3.0]},
        row | {"pixels": "processor", "ratio": [1.0, 1.5, 2.0]},
        row | {"pixels": "component", "ratio": [4.0, 4.5, 5.0], "case": "image 896"},
    ]
    _write(tmp_path, "speed", rows)
    assert _rows_of(tables.pass_table(tmp_path)) == [
        "| InternVL | 50.0 [30.0, 60.0] | 20.0 [10.0, 30.0] | 2.5 [2.0, 3.0] |"
    ]


def test_an_explanation_is_a_pass_times_the_images_computed(tmp_path):
    _write(tmp_path, "batches", [{"search": DEFAULT, "asked": {"9": 3, "4": 1}}])
    shape = {"shape": "7b", "weights_gib": 15.0, "peak_gib": 15.58}
    rows = [
        shape | {"side": "reference", "batch": 1, "seconds": [0.1, 0.1, 0.1]},
        shape | {"side": "ours", "batch": 4, "seconds": [0.3, 0.3, 0.3]},
        shape | {"side": "ours", "batch": 8, "seconds": [0.1, 0.2, 0.3]},
    ]
    _write(tmp_path, "gpu", rows)
    # 64 · 65 passes of the plain loop; 3 · 16 + 8 images in batches of 8.
    assert _rows_of(tables.explanation_table(tmp_path)) == ["| 7b | 416 | 11 | 15.6 | 15.0 |"]


# --- pages ---------------------------------------------------------------------------------------


def test_every_table_has_its_place_and_is_current():
    shown = [(ROOT / name).read_text(encoding="utf-8") for name in pages.PAGES]
    pages.require_every_table(shown)
    assert [pages.renewed(page) for page in shown] == shown


def test_a_lost_mark_is_reported():
    with pytest.raises(SystemExit, match=r"no page of .* has a mark for .*speed"):
        pages.require_every_table(["<!-- accuracy -->\n<!-- end -->"])


def test_an_unknown_mark_is_reported():
    with pytest.raises(SystemExit, match="unknown table 'sped'"):
        pages.renewed("<!-- sped -->\n<!-- end -->")


def test_the_plot_has_a_panel_for_each_model_and_target(tmp_path, quality_rows):
    figure = search_plot(quality_rows)
    assert len(figure.axes) == 6
    first, *others = figure.axes
    assert first.get_title() == "LLaVA, whole caption (n = 3)"
    assert len(first.containers) == 2  # a mark with its error bar for each search
    assert not any(panel.containers for panel in others)
    figure.savefig(tmp_path / "search.png", dpi=40)
