"""Attributions to draw: images of every shape, answers of every length."""

from dataclasses import replace

import numpy as np
import pytest

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"'`{{ 7*7 }} {% raw %} $x_1$ &"
)
CASES = (
    "sentence",
    "word",
    "long",
    "wide",
    "very wide",
    "tall",
    "tiny",
    "one pixel",
    "300 by 8",
    "8 by 300",
    "2000 by 2",
    "2 by 2000",
    "chinese",
    "hindi",
    "emoji",
    "right to left",
    "counterfactual",
    "hostile",
)
SENTENCE = "a small red cat sits on a wooden tree and looks at the bird above it"

LINES = {
    "one pixel": ((1, 1), (1, 1)),
    "300 by 8": ((8, 300), (1, 20)),
    "8 by 300": ((300, 8), (20, 1)),
    "2000 by 2": ((2, 2000), (1, 30)),
    "2 by 2000": ((2000, 2), (30, 1)),
}
"""Height and width of pictures that are hardly more than a line, and their grid."""

OTHER_SCRIPTS = {
    "chinese": ("一 只 红色 的 猫 坐在 树 上", "猫"),
    "hindi": ("एक बिल्ली पेड़ पर", "पर"),
    "emoji": ("a cat 🐱 and 👩\u200d🔬 on a 🌳", "cat"),
    "right to left": ("قطة حمراء تجلس على الطاولة 12 (هنا) cat وتنظر إلى الطائر", "حمراء"),
}
"""An answer, and the word of it that is explained."""


def scene(height, width):
    """A smooth image: it makes small files and looks like something when a test is debugged."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = [255 * rows / height, 255 * columns / width, 128 + 0 * rows]
    return np.stack(channels, axis=-1).astype(np.uint8)


def grid(height, width, n_rows, n_columns):
    from eagle_mllm.attribution.regions import Regions

    rows = np.arange(height) * n_rows // height
    columns = np.arange(width) * n_columns // width
    return Regions.from_labels(rows[:, None] * n_columns + columns)


def explained(answer, choose, *, shape=(48, 64), cells=(4, 5), prompt="Describe the image."):
    """An attribution of what `choose` finds in the answer of a planted model."""
    from eagle_mllm.attribution.method import Eagle, attribute
    from eagle_mllm.attribution.search.greedy import GreedySearch
    from eagle_mllm.testing import Evidence, PlantedModel

    height, width = shape
    left_half, top_half = max(1, width // 2), max(1, height // 2)
    model = PlantedModel(
        answer,
        {
            "cat": Evidence(boxes=[(0, 0, left_half, top_half)], base=0.1, rival="dog"),
            "tree": Evidence(boxes=[(width // 2, 0, width, height)], rule="all", base=0.2),
        },
        split={"wooden": ("wood", "en")},
    )
    generation = model.generate(scene(height, width), prompt)
    return attribute(
        model,
        generation,
        choose(generation),
        method=Eagle(search=GreedySearch(max_regions=3)),
        regions=grid(height, width, *cells),
    )


@pytest.fixture(scope="session")
def cases():
    """One attribution for each of `CASES`, made when first asked for."""
    made = {}

    def case(name):
        if name not in made:
            # A time of day would differ between runs, a duration does too.
            made[name] = replace(_make(name), seconds=1.5)
        return made[name]

    return case


def _make(name):
    every_token, the_cat = (lambda answer: answer.all()), (lambda answer: answer.find("cat"))
    if name == "sentence":
        return explained(SENTENCE, every_token)
    if name == "word":
        return explained("a cat", the_cat)
    if name == "long":
        long = ", ".join([SENTENCE] * 8)
        return explained(long, every_token, prompt="Say all that you see, and how. " * 12)
    if name == "wide":
        return explained(SENTENCE, the_cat, shape=(40, 110))
    if name == "very wide":
        return explained("a cat", the_cat, shape=(12, 120), cells=(2, 12))
    if name == "tall":
        return explained(SENTENCE, the_cat, shape=(120, 36))
    if name == "tiny":
        return explained("a cat", the_cat, shape=(3, 3), cells=(2, 2))
    if name in LINES:
        shape, cells = LINES[name]
        return explained("a cat", the_cat, shape=shape, cells=cells)
    if name in OTHER_SCRIPTS:
        answer, word = OTHER_SCRIPTS[name]
        return explained(answer, lambda answer: answer.find(word), prompt=answer)
    if name == "counterfactual":
        return explained("a cat", lambda answer: answer.counterfactual("dog", replacing="cat"))
    attribution = explained("cat " + HOSTILE, every_token, prompt=HOSTILE)
    recorded = {**attribution.provenance, "model": {"id": HOSTILE, "family": HOSTILE}}
    return replace(attribution, method=HOSTILE, provenance=recorded)


@pytest.fixture(scope="session")
def every_word():
    """An attribution for each word of one answer, and one for the whole sentence."""
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.testing import Evidence, PlantedModel

    evidence = {"cat": Evidence(boxes=[(0, 0, 16, 16)]), "tree": Evidence(boxes=[(32, 0, 48, 16)])}
    model = PlantedModel("a cat on a tree", evidence)
    generation = model.generate(scene(32, 48), "What is this?")
    targets = [generation.at(position) for position in range(5)] + [generation.all()]
    regions = grid(32, 48, 2, 3)
    return [attribute(model, generation, target, regions=regions) for target in targets]


@pytest.fixture
def hostile_text():
    """What a model or a user might write to break a page."""
    return HOSTILE


@pytest.fixture(scope="session", params=CASES)
def attribution(request, cases):
    """Each of the cases in turn."""
    return cases(request.param)
