"""The figure shows every part, and no text lies on another."""

import itertools
import subprocess
import sys
from io import BytesIO

import pytest

PANELS = {"image", "saliency", "saliency scale", "order", "curves", "answer", "evidence scale"}


@pytest.fixture(scope="module")
def drawn(attribution):
    """The figure of each case in turn."""
    from eagle_mllm import report

    figure = report.figure(attribution)
    figure.canvas.draw()
    return figure


def png_of(attribution, *, dpi):
    from eagle_mllm import report

    file = BytesIO()
    report.figure(attribution).savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def boxes_of_texts(figure):
    import matplotlib.text

    renderer = figure.canvas.get_renderer()
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if box.width > 0:
                yield text.get_text(), box


def overlap(one, other):
    """The smaller side of the common rectangle in pixels; negative if there is none."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return min(width, height)


def test_every_panel_is_there_and_nothing_overlaps_or_leaves_the_page(drawn):
    assert {axes.get_label() for axes in drawn.axes} == PANELS
    texts = list(boxes_of_texts(drawn))
    assert len(texts) > 15
    for (text, box), (other_text, other) in itertools.combinations(texts, 2):
        assert overlap(box, other) <= 1.5, f"{text!r} lies on {other_text!r}"
    page = drawn.bbox
    for text, box in texts:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1
        assert inside, f"{text!r} leaves the page"


def test_panels_do_not_overlap(drawn):
    for one, other in itertools.combinations(drawn.axes, 2):
        if {one.get_label(), other.get_label()} != {"answer", "evidence scale"}:
            assert overlap(one.bbox, other.bbox) <= 0.5, (one.get_label(), other.get_label())


def test_pictures_keep_the_shape_of_the_image(cases):
    from eagle_mllm import report

    figure = report.figure(cases("tall"))
    figure.canvas.draw()
    for axes in figure.axes:
        if axes.get_label() in ("image", "saliency", "order"):
            assert axes.bbox.height / axes.bbox.width == pytest.approx(120 / 36, rel=0.02)


def test_curves_carry_their_areas_in_the_legend(cases):
    from eagle_mllm import report
    from eagle_mllm.metrics.faithfulness import deletion_auc, insertion_auc

    attribution = cases("sentence")
    (curves,) = (a for a in report.figure(attribution).axes if a.get_label() == "curves")
    insertion, deletion = (text.get_text() for text in curves.get_legend().get_texts())
    assert f"AUC {insertion_auc(attribution.trace):.3f}" in insertion
    assert f"AUC {deletion_auc(attribution.trace):.3f}" in deletion


def test_only_explained_tokens_are_coloured(cases):
    from matplotlib.colors import to_hex
    from matplotlib.patches import FancyBboxPatch

    from eagle_mllm import report
    from eagle_mllm.report.colors import evidence_color

    attribution = cases("wide")
    (answer,) = (a for a in report.figure(attribution).axes if a.get_label() == "answer")
    chips = [patch for patch in answer.patches if isinstance(patch, FancyBboxPatch)]
    expected = evidence_color(float(attribution.reliance.evidence[0]))
    assert [to_hex(chip.get_facecolor()) for chip in chips] == [expected]


def test_a_counterfactual_says_what_it_replaces(cases):
    from eagle_mllm import report

    figure = report.figure(cases("counterfactual"))
    assert figure.texts[0].get_text() == "“dog” instead of “cat”"


def test_the_first_regions_are_numbered(cases):
    from eagle_mllm import report

    figure = report.figure(cases("sentence"))
    (order,) = (axes for axes in figure.axes if axes.get_label() == "order")
    assert [text.get_text() for text in order.texts] == [str(rank) for rank in range(1, 11)]


@pytest.mark.parametrize("name", ["300 by 8", "8 by 300", "2000 by 2", "2 by 2000", "one pixel"])
def test_a_picture_that_is_hardly_more_than_a_line_is_drawn_so_that_it_is_seen(cases, name):
    from eagle_mllm import report

    figure = report.figure(cases(name))
    figure.canvas.draw()
    for axes in figure.axes:
        if axes.get_label() in ("image", "saliency", "order"):
            seen = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
            assert min(seen.width, seen.height) >= 0.59
    (order,) = (axes for axes in figure.axes if axes.get_label() == "order")
    assert len(order.texts) >= min(5, len(cases(name).regions))
    said = any("drawn stretched" in text.get_text() for text in figure.texts)
    assert said == (name != "one pixel")


def test_a_cut_answer_says_how_many_tokens_are_left_out(cases):
    from eagle_mllm.report.figures.answer_panel import answer_block

    block = answer_block(cases("long"), width=2.0)
    kept = sum(len(line) for line in block.lines)
    assert kept < len(cases("long").generation.tokens)
    assert block.before + kept + block.after == len(cases("long").generation.tokens)


def test_settings_of_the_user_neither_leak_in_nor_are_changed(cases):
    import matplotlib

    plain = png_of(cases("word"), dpi=30)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.color": "blue"}):
        before = dict(matplotlib.rcParams)
        assert png_of(cases("word"), dpi=30) == plain
        assert dict(matplotlib.rcParams) == before


def test_the_png_of_a_figure_has_a_sensible_size(cases):
    picture = png_of(cases("sentence"), dpi=80)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 400_000


def test_neither_pyplot_nor_early_imports():
    program = """
import sys
from eagle_mllm import report
early = {"matplotlib", "jinja2", "torch"} & set(sys.modules)
import numpy as np, eagle_mllm as eagle
from eagle_mllm.testing import PlantedModel
model = PlantedModel("a cat", {})
answer = model.generate(np.zeros((8, 8, 3), np.uint8), "?")
regions = eagle.Regions.from_labels(np.arange(64).reshape(8, 8) // 32)
report.figure(eagle.attribute(model, answer, answer.find("cat"), regions=regions))
sys.exit(f"{early} {'matplotlib.pyplot' in sys.modules} {'torch' in sys.modules}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "set() False False"
