"""Several methods on one target: one figure, one page."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

METHODS = (
    "eagle",
    "random",
    "single-scan, deletion",
    "single-scan, insertion",
    "centre, by pixels",
)


def explained(shape, cells, *, word="cat"):
    """A word by five methods, in a picture of some shape."""
    import eagle_mllm as eagle
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.baselines.centre_prior import CentrePrior
    from eagle_mllm.baselines.random_order import RandomOrder
    from eagle_mllm.baselines.single_scan import SingleScan

    height, width = shape
    evidence = {"cat": eagle.testing.Evidence(boxes=[(0, 0, max(1, width // 2), height)])}
    model = eagle.testing.PlantedModel("a cat on a tree", evidence)
    pixels = np.linspace(0, 255, height * width * 3).reshape(height, width, 3).astype(np.uint8)
    generation = model.generate(pixels, "What is this?")
    rows, columns = (np.arange(side) * n // side for side, n in zip(shape, cells, strict=True))
    regions = Regions.from_labels(rows[:, None] * cells[1] + columns)
    methods = (
        eagle.Eagle(),
        RandomOrder(),
        SingleScan(),
        SingleScan(direction="insertion"),
        CentrePrior(ranking="pixels"),
    )
    target = generation.find(word)
    return [
        replace(
            eagle.attribute(model, generation, target, method=method, regions=regions),
            seconds=734.0,
            forward_passes=14386,
        )
        for method in methods
    ]


@pytest.fixture(scope="session")
def five():
    """Made once: nothing changes an attribution."""
    return explained((32, 48), (2, 3))


def texts_of(figure):
    import matplotlib.text

    renderer = figure.canvas.get_renderer()
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if box.width > 0:
                yield text.get_text(), box


@pytest.mark.parametrize(
    ("shape", "cells"), [((32, 48), (2, 3)), ((90, 30), (3, 2)), ((12, 120), (1, 6))]
)
def test_every_method_has_its_map_and_nothing_overlaps(shape, cells):
    from eagle_mllm import report

    figure = report.comparison(explained(shape, cells))
    figure.canvas.draw()
    labels = {axes.get_label() for axes in figure.axes}
    assert {"image", "insertion curves", "deletion curves", "answer", *METHODS} <= labels
    for (text, box), (other, beside) in itertools.combinations(texts_of(figure), 2):
        width = min(box.x1, beside.x1) - max(box.x0, beside.x0)
        height = min(box.y1, beside.y1) - max(box.y0, beside.y0)
        assert min(width, height) <= 1.5, f"{text!r} lies on {other!r}"
    for text, box in texts_of(figure):
        assert box.x0 >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y0 >= 0, text


@pytest.mark.parametrize(
    ("aspect", "rows"),
    [(1.0, {4: [4], 5: [5], 6: [3, 3], 7: [4, 3], 11: [4, 4, 3]}), (3.0, {4: [2, 2]})],
)
def test_pictures_fill_their_rows_alike(aspect, rows):
    from collections import Counter

    from eagle_mllm.report.figures.layout import comparison_layout

    for count, expected in rows.items():
        boxes = comparison_layout(aspect, lambda _: 1.0, n_pictures=count, footer_lines=1)
        assert list(Counter(box.top for box in boxes.pictures).values()) == expected


def test_all_maps_have_one_scale_and_all_curves_one_axis(five):
    from eagle_mllm import report
    from eagle_mllm.metrics import insertion_auc

    figure = report.comparison(five)
    axes = {one.get_label(): one for one in figure.axes}
    curves = axes["insertion curves"], axes["deletion curves"]
    assert curves[0].get_ylim() == curves[1].get_ylim()
    drawn = {line.get_label(): line for line in curves[0].get_lines()}
    assert set(drawn) == set(METHODS)
    assert len({line.get_color() for line in drawn.values()}) == len(METHODS)
    for label, one in zip(METHODS, five, strict=True):
        np.testing.assert_allclose(drawn[label].get_ydata(), one.trace.insertion.mean(axis=1))
    told = {text.get_text() for text in axes["methods"].texts}
    assert {f"{insertion_auc(one.trace):.3f}" for one in five} <= told


def test_methods_of_one_name_are_told_apart(five):
    from eagle_mllm.report.comparing import compared

    assert tuple(one.label for one in compared(five)) == METHODS
    twice = compared([five[0], five[0]])
    assert [one.label for one in twice] == ["eagle #1", "eagle #2"]
    many = compared([five[0]] * 20)
    assert len({(one.color, one.dashes) for one in many}) == 20


def test_what_cannot_be_compared_is_refused(five):
    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    with pytest.raises(ResultError, match="at least two"):
        report.comparison(five[:1])
    with pytest.raises(ResultError, match="attribution 2 explains something else"):
        report.comparison([five[0], explained((32, 48), (2, 3), word="tree")[0]])


def test_a_stored_comparison_is_a_picture(five, tmp_path):
    from eagle_mllm import report

    report.save_comparison(five, tmp_path / "all.png", dpi=40)
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_of_several_methods_compares_them(five):
    from eagle_mllm import report
    from eagle_mllm.metrics import insertion_auc

    page = report.html(five)
    assert "“cat” by 5 methods" in page
    (table,) = re.findall(r'aria-label="Numbers of the methods">(.*?)</table>', page, re.DOTALL)
    for label, one in zip(METHODS, five, strict=True):
        assert re.search(rf"</svg> {label}</th><td>{insertion_auc(one.trace):.3f}</td>", table)
    (gallery,) = re.findall(r'class="eg-gallery">(.*?)</div>', page, re.DOTALL)
    assert re.findall(r"<span>(.*?)</span>", gallery) == list(METHODS)
    # A map leads to its method below.
    buttons = set(re.findall(r'type="radio" name="[^"]*-t" id="([^"]*)"', page))
    assert set(re.findall(r'for="([^"]*)"', gallery)) == buttons


def test_several_targets_of_one_method_are_no_comparison(every_word):
    from eagle_mllm import report

    assert 'eg-gallery"' not in report.html(every_word)
