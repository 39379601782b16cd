"""Regions that the model never sees are hatched, never numbered, and a line says so."""

from dataclasses import replace

import numpy as np
import pytest

LEGEND = "hatched: 4 regions that the model never sees"


def without_seeing(attribution, unseen):
    """The explanation by a model that does not see some of the regions."""
    order = [region for region in attribution.trace.order.tolist() if region not in unseen]
    trace = replace(attribution.trace, order=np.array([*order, *unseen]))
    saliency = np.where(attribution.regions.mask(unseen), 0, attribution.saliency)
    return replace(
        attribution,
        trace=trace,
        saliency=saliency.astype(np.float32),
        unseen=tuple(unseen),
    )


@pytest.fixture
def cropped(cases):
    """The picture of a cat, of whose 4 × 5 regions the model never sees the right column."""
    return without_seeing(cases("word"), [4, 9, 14, 19])


@pytest.fixture
def without_effect(cases):
    """An explanation by a model that says what it says whatever it is shown."""
    attribution = cases("word")
    trace = attribution.trace
    flat = np.full_like(trace.insertion, 0.5)
    return replace(attribution, trace=replace(trace, insertion=flat, deletion=flat))


def panel(attribution, name):
    from eagle_mllm import report

    figure = report.figure(attribution)
    (axes,) = (one for one in figure.axes if one.get_label() == name)
    return axes


def lines(attribution):
    from eagle_mllm import report

    return " ".join(text.get_text() for text in report.figure(attribution).texts)


@pytest.mark.parametrize("name", ["saliency", "order"])
def test_the_figure_hatches_what_is_not_seen_and_nothing_else(cases, cropped, name):
    (plain,), (hatched,) = (panel(one, name).images for one in (cases("word"), cropped))
    plain, hatched = plain.get_array(), hatched.get_array()
    edge = plain.shape[1] * 4 // 5
    assert np.ptp(hatched[:, edge + 2 :].astype(float).mean(axis=-1)) > 80
    if name == "saliency":
        np.testing.assert_array_equal(plain[:, : edge - 2], hatched[:, : edge - 2])


def test_the_image_itself_stays_as_it_is(cases, cropped):
    (plain,), (whole,) = (panel(one, "image").images for one in (cases("word"), cropped))
    np.testing.assert_array_equal(plain.get_array(), whole.get_array())


def test_one_line_of_the_figure_says_what_the_stripes_mean(cases, cropped):
    assert lines(cropped).count(LEGEND) == 1
    assert "hatched" not in lines(cases("word"))


def test_one_region_is_one_region(cases):
    from eagle_mllm.report.facts import notes_of

    assert notes_of(without_seeing(cases("word"), [7])) == (
        "hatched: 1 region that the model never sees",
    )


def test_no_unseen_region_is_numbered(cases):
    few = without_seeing(cases("word"), list(range(3, 20)))
    assert [text.get_text() for text in panel(few, "order").texts] == ["1", "2", "3"]
    assert panel(few, "order").get_title(loc="left") == "First 3 of 20 regions"


def test_the_page_lays_stripes_over_saliency_and_order(cases, cropped):
    from eagle_mllm import report

    page = report.html(cropped)
    assert page.count('class="eg-layer eg-in-saliency eg-in-order"') == 1
    assert page.count(f">{LEGEND}</p>") == 1
    assert "hatched" not in report.html(cases("word"))


def test_where_nothing_has_an_effect_nothing_is_numbered_and_a_line_says_so(without_effect):
    from eagle_mllm import report

    assert list(panel(without_effect, "order").texts) == []
    assert "no region has any effect on this target" in lines(without_effect)
    page = report.html(without_effect)
    assert "no region has any effect on this target: there is nothing to rank</p>" in page
    assert "most decisive region is" not in page
