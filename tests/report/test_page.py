"""The page is whole, safe, small, and stays by itself."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

VOID = {"meta", "img", "input", "br", "link"}
OWN_CLOSING = {"circle", "line", "polygon", "polyline"}  # written <line .../> inside svg


class Page(HTMLParser):
    """Collects what the tests ask about, and fails on tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.tokens, self.visible = [], [], {}, []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes)))

    def handle_startendtag(self, tag, attributes):
        assert tag in OWN_CLOSING
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not self.open or self.open[-1][0] in ("script", "style"):
            return
        self.visible.append(data)
        position = self.open[-1][1].get("data-token")
        if position is not None:
            self.tokens.setdefault(int(position), []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=["page", "fragment"])
def write(request):
    from eagle_mllm import report

    return report.html if request.param == "page" else report.fragment


def test_it_parses_and_every_token_stands_there_once(attribution, write):
    from eagle_mllm.report.tokens import visible

    page = Page(write(attribution))
    expected = {i: [visible(token)] for i, token in enumerate(attribution.generation.tokens)}
    if attribution.target.is_counterfactual:
        expected[attribution.target.positions[0]] = [attribution.target.text]
    assert page.tokens == expected


def test_ids_are_unique_and_every_label_has_its_button(every_word, write):
    page = Page(write(every_word))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {label["for"] for label in page.all("label") if "for" in label} <= set(ids)


def test_nothing_is_loaded_from_elsewhere(attribution, write):
    text = write(attribution)
    page = Page(text)
    for _, attributes in page.elements:
        assert not {"href", "srcset", "action", "formaction", "data"} & set(attributes)
        assert attributes.get("src", "data:").startswith("data:")
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "url(" not in text
    assert "@import" not in text


def test_hostile_text_stays_text(cases, write, hostile_text):
    text = write(cases("hostile"))
    page = Page(text)
    scripts = page.all("script")
    assert scripts == ([] if not text.startswith("<!DOCTYPE") else scripts[:2])
    assert len(page.all("img")) == 3
    assert not any(name.startswith("on") for _, found in page.elements for name in found)
    assert hostile_text in "".join(page.visible)


def test_only_our_script_may_run(cases):
    from base64 import b64encode
    from hashlib import sha256

    from eagle_mllm import report

    text = report.html(cases("hostile"))
    (policy,) = (meta["content"] for meta in Page(text).all("meta") if "http-equiv" in meta)
    script = text.rsplit("<script>", 1)[1].rsplit("</script>", 1)[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy


def test_images_have_descriptions_and_inputs_have_names(every_word, write):
    page = Page(write(every_word))
    assert all(image["alt"] for image in page.all("img"))
    assert all(field.get("aria-label") for field in page.all("input"))
    graphics = page.all("svg")
    assert all(one.get("role") == "img" or one.get("aria-hidden") == "true" for one in graphics)


def test_the_same_attributions_give_the_same_text(cases, every_word, write):
    from dataclasses import replace

    assert write(cases("sentence")) == write(replace(cases("sentence")))
    assert write(every_word) == write(list(every_word))


def test_two_results_in_one_notebook_do_not_share_buttons(cases):
    from eagle_mllm import report

    def names(attribution):
        inputs = Page(report.fragment(attribution)).all("input")
        return {field["name"] for field in inputs}

    assert len(names(cases("word"))) == 2  # the targets and the views
    assert names(cases("word")).isdisjoint(names(cases("sentence")))


def test_a_click_on_a_word_leads_to_that_word(every_word):
    from eagle_mllm import report

    text = report.html(every_word)
    owners = re.findall(r'<label class="eg-word eg-o(\d)" for="\w+-t(\d)">', text)
    # The sentence is the sixth target; it owns no token, since each has a word of its own.
    assert owners == [(str(number), str(number)) for number in range(5)]
    assert text.count('class="eg-pill') == 6


def test_a_fragment_has_no_script_and_its_styles_stay_inside(every_word):
    from eagle_mllm import report

    text = report.fragment(every_word)
    assert "<script" not in text
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, flags=re.S))
    styles = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", styles, flags=re.S)
    selectors = [one for found in re.findall(r"([^{}]+)\{", styles) for one in found.split(",")]
    assert len(selectors) > 80
    inside = re.compile(r"(\[data-jp-theme-light=\"\w+\"\] |body\.vscode-\w+ )?(\.eagle\b|#e\w+-)")
    assert [one for one in selectors if not inside.match(one.strip())] == []


def test_a_fragment_of_a_noisy_photo_stays_small(rng):
    from eagle_mllm import report
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.testing import PlantedModel

    model = PlantedModel("a cat", {})
    noise = rng.integers(0, 256, size=(900, 1200, 3), dtype=np.uint8)
    answer = model.generate(noise, "?")
    regions = Regions.from_labels(np.arange(900)[:, None] // 225 + np.zeros(1200, int))
    attribution = attribute(model, answer, answer.find("cat"), regions=regions)
    assert len(report.fragment(attribution)) < 1_500_000


def test_one_report_is_about_one_answer(cases):
    from eagle_mllm import report
    from eagle_mllm.errors import ResultError

    with pytest.raises(ResultError, match="attribution 2 explains another answer"):
        report.html([cases("word"), cases("sentence")])
    with pytest.raises(ResultError, match="at least one"):
        report.html([])


def test_the_numbers_of_the_page_are_those_of_the_attribution(cases):
    import json

    from eagle_mllm import report
    from eagle_mllm.metrics.faithfulness import insertion_auc

    attribution = cases("sentence")
    text = report.html(attribution)
    data = json.loads(re.search(r'id="eagle-data">(.*?)</script>', text)[1])
    (target,) = data["targets"]
    assert target["order"] == attribution.trace.order.tolist()
    assert target["shown"] == pytest.approx(attribution.trace.insertion.mean(axis=1), abs=1e-4)
    assert target["removed"] == pytest.approx(attribution.trace.deletion.mean(axis=1), abs=1e-4)
    runs = np.array(data["partitions"][target["partition"]]).reshape(-1, 2)
    assert runs[:, 1].sum() == data["width"] * data["height"]
    assert f"<dd>{insertion_auc(attribution.trace):.3f}</dd>" in text
