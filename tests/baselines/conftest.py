"""A look into a model that is written down: six regions of 8 x 8 pixels, cells of 4 x 4."""

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def written_look() -> type:
    """A `WhiteBox` of a 16 x 24 image with 24 tokens, whose evidence is region 4.

    log p is −½·Σ w·(x/255 − 1)² over the pixels, with w only on the evidence.
    """
    from eagle_mllm.attribution.white_box import LayerView, PixelView, WhiteBox

    class Look(WhiteBox):
        evidence = np.zeros((16, 24))
        evidence[8:, 8:16] = 1
        cells = evidence[::4, ::4].ravel()
        n_layers = 8
        n_prompt = 30
        # 1 before the image, the image at 1 to 24, the words 7, 8 and 9, the template, the answer.
        prompt_positions = (25, 26, 27)
        image_positions = np.arange(1, 25)
        grids = (np.arange(24).reshape(4, 6),)
        grey_level = 1 / 64
        ids = ()

        def __init__(self, target, answer: tuple[int, ...]) -> None:
            self.target = target
            self.ids = (0, *[5] * 24, 7, 8, 9, 1, 2, *answer[: max(target.positions)])
            self.asked: list[dict[str, Any]] = []

        def to_image(self, values):
            return np.kron(values.reshape(4, 6), np.ones((4, 4))).astype(np.float32)

        def layer(self, images, *, layer):
            self.asked.append({"layer": layer, "images": images})
            # A channel that lights up at the evidence, and one against the target everywhere.
            one = np.stack([0.1 + self.cells, np.ones(24)], axis=1)
            return LayerView(
                np.stack([one] * len(images)),
                np.stack([np.ones((24, 1)) * [[1.0, -5.0]]] * len(images)),
            )

        def hidden(self, layer):
            return np.ones((len(self.ids), layer + 1))

        def lens(self, vocabulary_ids, *, layer=None):
            said = np.ones((len(self.ids), len(vocabulary_ids)))
            for column, vocabulary_id in enumerate(vocabulary_ids):
                if vocabulary_id in self.target.ids:
                    said[1:25, column] += 3 * self.cells
            return said

        def predicted(self, position):
            return 3

        def attention(self, layers):
            rows = np.stack([0.01 + self.cells / 40] * len(self.target))
            return np.stack([rows] * len(layers))

        def pixels(self, images, *, tokens=None, noise=None):
            self.asked.append({"images": images, "tokens": tokens, "noise": noise})
            weights = self.evidence[..., np.newaxis] / 64
            away = images / 255 - 1
            value = -0.5 * (weights * away**2).sum(axis=(1, 2, 3))
            n_tokens = len(self.target)
            n_chosen = n_tokens if tokens is None else len(tokens)
            return PixelView(np.stack([value] * n_tokens, axis=1), -n_chosen * weights * away / 255)

    return Look


@pytest.fixture
def open_model(written_look: type) -> Any:
    """The planted model of the suite, open to a look."""
    from eagle_mllm.attribution.white_box import WhiteBoxModel
    from eagle_mllm.testing import Evidence, PlantedModel

    class Open(PlantedModel, WhiteBoxModel):
        def white_box(self, generation, target):
            return written_look(target, generation.ids)

    return Open("a cat", {"cat": Evidence(boxes=[(8, 8, 16, 16)], base=0.1)})


@pytest.fixture
def bright(open_model: Any) -> Any:
    """Its answer about a picture that is dark but for the evidence."""
    picture = np.full((16, 24, 3), 40, np.uint8)
    picture[8:, 8:16] = 250
    return open_model.generate(picture, "What is this?")


@pytest.fixture
def question(open_model: Any, bright: Any, regions: Any) -> Any:
    """What a method is asked about a word of it."""
    from eagle_mllm.attribution.evaluator import SubsetEvaluator
    from eagle_mllm.attribution.question import Question

    def asked(target=None):
        target = bright.find("cat") if target is None else target
        scorer = open_model.scorer(bright, target, regions)
        return Question(
            model=open_model,
            generation=bright,
            target=target,
            regions=regions,
            evaluate=SubsetEvaluator(scorer, 6),
        )

    return asked
