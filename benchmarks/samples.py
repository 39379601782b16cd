"""Held-out scenes that a model captions rightly, and what is explained of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import eagle_mllm as eagle
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.scenes.evidence import known_words
from eagle_mllm.scenes.language import CAPTION_PROMPT


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A right caption and its two targets."""

    seed: int
    generation: Generation
    targets: Mapping[str, Target]
    """"sentence": every token; "word": the shape of one object, another one from seed to seed."""

    def regions(self, n_regions: int) -> Regions:
        """SLICO superpixels, about so many."""
        return eagle.segment(self.generation.image, n_regions=n_regions)


def right_sample(model: Model, seed: int) -> Sample | None:
    """The sample of a held-out scene; None where the model's caption is wrong."""
    example = eagle.scenes.scene(seed)
    generation = model.generate(example.image, CAPTION_PROMPT)
    if generation.text != example.caption:
        return None
    shapes = [known for known in known_words(example, generation) if known.truth.kind == "shape"]
    word = shapes[seed % len(shapes)].word
    targets = {"sentence": generation.all(), "word": generation.find(word.text)}
    return Sample(seed=seed, generation=generation, targets=targets)


def first_right_sample(model: Model, seed: int) -> Sample:
    """The sample of the first scene from `seed` on that the model captions rightly."""
    while (sample := right_sample(model, seed)) is None:
        seed += 1
    return sample
