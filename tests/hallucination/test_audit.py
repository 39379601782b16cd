"""Audits: what is claimed, how it is probed, and what is doubted."""

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm.errors import SettingError, TargetError
from eagle_mllm.hallucination import fix
from eagle_mllm.hallucination.auditing import shipped_calibrations
from eagle_mllm.hallucination.calibration import Logistic
from eagle_mllm.hallucination.claims import claims_of, names


def box(region):
    row, column = divmod(region, 8)
    return (6 * column, 6 * row, 6 * column + 6, 6 * row + 6)


BY_ASKING = {
    f"{kind}-{depth}": Logistic(names=("again",), weights=(-2.0,), bias=0.0)
    for kind in ("answer", "word")
    for depth in ("fast", "thorough")
}


class Caption(eagle.testing.PlantedModel):
    """A planted model that affirms some things and denies the others when it is asked."""

    def __init__(self, answer, evidence, *, affirms=(), caption=None):
        yes = {"Yes": eagle.testing.Evidence(base=0.9, rival="No")}
        super().__init__(answer, {**evidence, **yes}, prior=0.99)
        self._affirms, self._caption = affirms, caption

    def with_answer(self, image, prompt, answer, *, image_path=None):
        is_there = any(f" {thing} " in prompt for thing in self._affirms)
        p = 0.9 if is_there else 0.1
        yes = {"Yes": eagle.testing.Evidence(base=p, rival="No")}
        self._other = eagle.testing.PlantedModel("Yes.", yes)
        return self._other.with_answer(image, prompt, answer)

    def spellings(self, words):
        return self._other.spellings(words) if hasattr(self, "_other") else {}

    def scorer(self, generation, target, regions, *, fill="black"):
        asked = generation.prompt.startswith("Is there") and generation.text.startswith("Yes")
        if asked and self._answer != generation.text:
            return self._other.scorer(generation, target, regions)
        return super().scorer(generation, target, regions)


@pytest.fixture
def cat_and_dog(picture):
    evidence = {
        "cat": eagle.testing.Evidence(boxes=[box(9)], rival="fox"),
        "dog": eagle.testing.Evidence(base=0.95, rival="fox"),
    }
    model = Caption("A cat and a dog.", evidence, affirms=["cat"])
    return model, model.generate(picture, "Describe the image.")


def test_the_claims_of_a_description_are_its_content_words_with_what_they_name(picture):
    words = {word: eagle.testing.Evidence(base=1.0) for word in ("large", "red", "heart", "star")}
    text = "A large red heart left of a star."
    model = eagle.testing.PlantedModel(text, words)
    found = claims_of(model.generate(picture, "Describe the image."))
    told = [(one.text, one.phrase) for one in found]
    assert told == [
        ("large", "large red heart"),
        ("red", "red heart"),
        ("heart", "heart"),
        ("star", "star"),
    ]
    assert [text[one.start : one.stop] for one in found] == [one.text for one in found]


def test_a_yes_or_no_is_one_claim_about_what_was_asked(picture):
    model = eagle.testing.PlantedModel("No, it is not.", {})
    (claim,) = claims_of(model.generate(picture, "Is there a red heart in the image?"))
    assert (claim.text, claim.phrase, claim.verdict) == ("No", "red heart", "no")


def test_an_answer_without_object_words_is_refused_in_one_line(picture):
    model = eagle.testing.PlantedModel("It is there.", {})
    with pytest.raises(TargetError, match=r"has no object words.*ask for a description") as told:
        eagle.audit(model, model.generate(picture, "Where?"))
    assert "\n" not in str(told.value)


def test_a_text_names_a_thing_whose_words_stand_together():
    assert names("A small red heart above a star.", "red heart")
    assert not names("A red star above a heart.", "red heart")


def test_a_word_from_the_image_is_trusted_and_a_habit_is_doubted(cat_and_dog, grid):
    model, generation = cat_and_dog
    found = eagle.audit(model, generation, regions=grid, calibrations=BY_ASKING)
    cat, dog = found.words
    assert (cat.text, dog.text) == ("cat", "dog")
    assert cat.unsupported < 0.5 < dog.unsupported
    assert found.doubted == (dog,)
    assert "does not stand by “dog”" in dog.reason
    assert 9 in cat.probe.evidence
    assert cat.probe.drop == pytest.approx(1.0, abs=1e-6)
    assert dog.probe.drop == pytest.approx(0.0, abs=1e-6)
    assert cat.probe.log_ratio > 15
    assert dog.probe.log_ratio == pytest.approx(0.0)


def test_a_fast_audit_takes_two_passes_and_one_for_each_word(cat_and_dog, grid):
    model, generation = cat_and_dog
    found = eagle.audit(model, generation, regions=grid, fast=True)
    assert found.passes == 2 + 2
    assert all(word.probe.evidence == () for word in found.words)
    thorough = eagle.audit(model, generation, regions=grid)
    assert found.passes < thorough.passes < 3 * len(grid)


def test_an_answer_is_fixed_by_hiding_what_its_doubted_words_come_from(cat_and_dog, grid):
    model, generation = cat_and_dog
    found = eagle.audit(model, generation, regions=grid, calibrations=BY_ASKING)
    fixed = fix(model, found, regions=grid)
    assert fixed.regions == found.doubted[0].probe.evidence
    assert fixed.area == pytest.approx(float(fixed.mask.mean()))
    assert fixed.answer == generation.text  # a planted model always says the same


def test_a_fast_audit_cannot_be_fixed(cat_and_dog, grid):
    model, generation = cat_and_dog
    with pytest.raises(SettingError, match="a fast audit does not look for"):
        fix(model, eagle.audit(model, generation, regions=grid, fast=True), regions=grid)


def test_the_page_marks_what_is_doubted(cat_and_dog, grid):
    model, generation = cat_and_dog
    found = eagle.audit(model, generation, regions=grid, calibrations=BY_ASKING)
    page = eagle.report.audit_html(found)
    assert '<mark class="eg-doubted"' in page
    assert page.count('<mark class="eg-doubted"') == 1
    assert "1 of 2 words not to be trusted" in page


@pytest.mark.parametrize("kind", ["answer", "word"])
@pytest.mark.parametrize("depth", ["fast", "thorough"])
def test_every_shipped_calibration_doubts_less_what_the_model_says_twice(kind, depth):
    calibration = shipped_calibrations()[f"{kind}-{depth}"]
    scores = dict.fromkeys(("log_probability", "log_ratio", "again", "drop", "again_there"), 0.0)
    low, high = (calibration({**scores, "again": again}) for again in (2.0, -2.0))
    assert 0 <= low < high <= 1
    assert np.isfinite([low, high]).all()
