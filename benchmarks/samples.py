"""What is measured on: held-out scenes that a model captions rightly, and subsets to score."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from jaxtyping import Bool

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

    word_mask: Bool[np.ndarray, "h w"]
    """Where the object of that word is."""

    def regions(self, n_regions: int) -> Regions:
        """SLICO superpixels, about `n_regions` of them."""
        return eagle.segment(self.generation.image, n_regions=n_regions)


def right_sample(model: Model, seed: int) -> Sample | None:
    """The sample of a held-out scene; None where the model's caption is wrong."""
    example = eagle.scenes.scene(seed)
    generation = model.generate(example.image, CAPTION_PROMPT)
    if generation.text != example.caption:
        return None
    shapes = [known for known in known_words(example, generation) if known.truth.kind == "shape"]
    chosen = shapes[seed % len(shapes)]
    return Sample(
        seed=seed,
        generation=generation,
        targets={"sentence": generation.all(), "word": generation.find(chosen.word.text)},
        word_mask=example.objects[chosen.truth.objects[0]].mask,
    )


def right_samples(model: Model, first: int = 0) -> Iterator[Sample]:
    """The samples of all scenes from a seed on that the model captions rightly."""
    for seed in count(first):
        sample = right_sample(model, seed)
        if sample is not None:
            yield sample


def first_right_sample(model: Model, seed: int) -> Sample:
    """The first of them."""
    return next(right_samples(model, seed))


def greedy_subsets(n_regions: int, size: int) -> Iterator[Bool[np.ndarray, "batch regions"]]:
    """Batches as a greedy search asks for them: one more region each, and their complements.

    Args:
        n_regions: N
        size: subsets per batch, even
    """
    rng = np.random.default_rng(0)
    half = size // 2
    while True:
        order = rng.permutation(n_regions)
        picked = int(rng.integers(n_regions))
        shown = np.zeros((half, n_regions), dtype=bool)
        shown[:, order[:picked]] = True
        # Near the end of a search there are fewer candidates than rows: some come twice.
        shown[np.arange(half), np.resize(order[picked:], half)] = True
        yield np.concatenate([shown, ~shown])
