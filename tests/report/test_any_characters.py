"""Whatever characters names, prompts and answers have, figures and pages hold them.

Warnings are errors in tests, so matplotlib may not even look for a letter in vain.
"""

import sys
import unicodedata
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


@cache
def letters_of_each_category():
    """Of each of Unicode's categories the first, the last, and some between."""
    found = {}
    for code in range(sys.maxunicode + 1):
        found.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return {
        category: letters[:: max(1, len(letters) // 12)] + letters[-1:]
        for category, letters in found.items()
    }


CATEGORIES = [
    *("Cc", "Cf", "Cn", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl"),
    *("No", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs"),
]


def words_of(category):
    """Its letters on their own, after and before one another and a plain letter."""
    letters = letters_of_each_category()[category]
    return [*letters, "".join(letters), *(f"a{letter}b" for letter in letters)]


CONTROLS = "".join(map(chr, range(0xA1)))
HOSTILE = {
    "of all categories": "".join(letter for one in CATEGORIES for letter in words_of(one)[:2]),
    "a surrogate": "\ud800",
    "mathematics and lines": "$x_1$ $\\frac{ $ $\n\r\n\n\t\u2028",
    "nothing": "",
    "very long": "long ⵣ" * 5_000,
}


def test_no_category_is_forgotten():
    assert sorted(letters_of_each_category()) == CATEGORIES


@pytest.mark.parametrize("category", CATEGORIES)
def test_letters_of_each_category_are_measured_and_drawn(category):
    from eagle_mllm.report.figures.fonts import drawable, width_in_inches

    for text in words_of(category):
        assert width_in_inches(size=9.0)(text) >= 0
        assert width_in_inches(size=9.0, bold=True)(f"{text}▯�") > 0
        assert len(drawable(text)) == len(text)
        assert drawable(text).encode("utf-8")


def test_control_characters_are_one_line_of_replacements():
    from eagle_mllm.report.figures.fonts import drawable, missing_letters, width_in_inches

    for letter in map(chr, range(0xA1)):
        assert width_in_inches(size=9.0)(letter) > 0
        expected = letter if letter.isprintable() else " " if letter.isspace() else "�"
        assert drawable(letter) == expected
    assert missing_letters(CONTROLS) == frozenset()


def in_unicode(text):
    """A prompt with half of a surrogate pair is refused."""
    return text.encode("utf-8", "replace").decode()


def explained(text):
    """A diagnosis whose every foreign word is `text`."""
    import eagle_mllm as eagle
    from eagle_mllm.testing import Evidence, PlantedModel

    model = PlantedModel("Yes.", {"Yes": Evidence(boxes=[(0, 0, 8, 8)], rival="No")}, prior=0.9)
    generation = model.generate(PICTURE, "Is there a moon?")
    rows, columns = np.indices((24, 24)) // 8
    regions = eagle.Regions.from_labels(rows * 3 + columns, method=text)
    found = eagle.diagnose(model, generation, "no", regions=regions)
    named = replace(found.attribution.generation, prompt=in_unicode(text), image_path=text)
    recorded = {"model": {"id": text, "family": text}, "settings": {text: text}, "python": text}
    attribution = replace(
        found.attribution, method=text or "eagle", generation=named, provenance=recorded
    )
    return replace(found, generation=named, attribution=attribution, truth=text)


@pytest.fixture(scope="module", params=HOSTILE)
def diagnosis(request):
    return explained(HOSTILE[request.param])


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_figure_is_drawn(diagnosis, tmp_path, ending):
    from eagle_mllm import report

    report.save_figure(diagnosis.attribution, tmp_path / f"a.{ending}", dpi=30)
    assert (tmp_path / f"a.{ending}").stat().st_size > 1000


def test_a_comparison_and_a_diagnosis_are_drawn(diagnosis, tmp_path):
    from eagle_mllm import report

    both = [diagnosis.attribution, replace(diagnosis.attribution, method="other")]
    report.save_comparison(both, tmp_path / "a.png", dpi=30)
    report.save_diagnosis_figure(diagnosis, tmp_path / "b.png", dpi=30)
    assert (tmp_path / "a.png").exists()
    assert (tmp_path / "b.png").exists()


def test_pages_hold_nothing_that_a_file_cannot(diagnosis):
    from eagle_mllm import report

    both = [diagnosis.attribution, replace(diagnosis.attribution, method="other")]
    pages = [report.html(both, diagnosis=diagnosis), report.fragment(diagnosis.attribution)]
    for page in pages:
        require_whole(page)


def test_the_page_of_an_audit_holds_nothing_that_a_file_cannot():
    from eagle_mllm import report
    from eagle_mllm.hallucination.verdicts import Audit, AuditedWord, Probe
    from eagle_mllm.testing import PlantedModel

    for text in HOSTILE.values():
        generation = PlantedModel("a cat", {}).generate(PICTURE, "What is it?")
        scores = dict.fromkeys(("log_probability", "log_ratio", "again"), 0.0)
        word = AuditedWord(
            text=text, start=2, stop=5, unsupported=0.9, reason=text, probe=Probe(**scores)
        )
        named = replace(generation, prompt=in_unicode(text))
        require_whole(
            report.audit_html(
                Audit(generation=named, words=(word,), fast=True, passes=2, seconds=1.0)
            )
        )


def require_whole(page):
    assert page.encode("utf-8")
    assert {letter for letter in page if unicodedata.category(letter) == "Cc"} <= {"\n", "\t"}
