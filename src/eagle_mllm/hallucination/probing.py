"""What a model's own scores say for and against a claim, without any label.

Two passes give the probability of every claim on the image and on the blank image. The same thing
asked in other words shows whether the model stands by it. A scan of blocks of regions shows where
a claim comes from, and the question is asked again about that part alone.
"""

from collections.abc import Callable, Sequence
from math import log

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.masking import FillName, fill_image, masked_image
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.several import union
from eagle_mllm.hallucination.answers import yes_and_no
from eagle_mllm.hallucination.claims import Claim, names
from eagle_mllm.hallucination.halving import coarse_blocks
from eagle_mllm.hallucination.verdicts import Probe

DESCRIBE = "Describe the image."
_OTHERWISE = 4.0
"""Log-odds against a thing that a description names with other properties."""

_TINY = 1e-9
_ENOUGH = 0.8
_LEVELS = (8, 16, 32, 64)


def blocks_of(regions: Regions) -> list[tuple[int, ...]]:
    """Blocks of neighbours of at most an eighth of the regions, each once."""
    centroids = regions.centroids
    found: dict[tuple[int, ...], None] = {}
    for level in _LEVELS:
        for block in coarse_blocks(centroids, at_least=min(level, len(regions))):
            found[tuple(sorted(block.tolist()))] = None
    return list(found)


def planned_passes(regions: Regions, n_claims: int, *, fast: bool) -> int:
    """About how many images an audit scores.

    Args:
        regions: the partition
        n_claims: what is asked about
        fast: whether the scan of regions is left out
    """
    return 2 + n_claims if fast else 2 + len(blocks_of(regions)) + 2 * n_claims


class Prober:
    """Asks about the claims of one answer, and counts the passes.

    Args:
        model: the model that answered
        generation: image, prompt and answer
        claims: what is asked about, at least one
        regions: a partition of the image, whose blocks are hidden
        fill: what hidden pixels become
        on_pass: called now and then with the images scored so far
    """

    def __init__(
        self,
        model: Model,
        generation: Generation,
        claims: Sequence[Claim],
        *,
        regions: Regions,
        fill: FillName = "black",
        on_pass: Callable[[int], None] | None = None,
    ) -> None:
        self._model = model
        self._generation = generation
        self._claims = claims
        self._regions = regions
        self._fill = fill
        asked = union([claim.target for claim in claims])
        scorer = model.scorer(generation, asked, regions, fill=fill)
        self._evaluate = SubsetEvaluator(scorer, len(regions), on_pass=on_pass)
        column = {place: index for index, place in enumerate(asked.positions)}
        self._columns = [[column[place] for place in one.target.positions] for one in claims]
        self._elsewhere = 0

    @property
    def passes(self) -> int:
        """Images scored so far; an answer that was generated counts as one for each token."""
        return self._evaluate.forward_passes + self._elsewhere

    def fast(self) -> list[Probe]:
        """The two-pass scores of each claim, and what the model says when it is asked again."""
        whole, blank = self._joint(np.array([[True], [False]]).repeat(len(self._regions), axis=1))
        again = self._again(self._generation.image)
        return [
            Probe(log_probability=log(p), log_ratio=log(p) - log(q), again=said)
            for p, q, said in zip(whole.tolist(), blank.tolist(), again, strict=True)
        ]

    def thorough(self) -> list[Probe]:
        """The same, and where each claim comes from."""
        found = self.fast()
        blocks = blocks_of(self._regions)
        rows = np.ones((len(blocks), len(self._regions)), dtype=bool)
        for row, block in zip(rows, blocks, strict=True):
            row[list(block)] = False
        without = self._joint(rows)
        return [
            self._located(index, probe, blocks, without[:, index])
            for index, probe in enumerate(found)
        ]

    def _located(
        self,
        index: int,
        probe: Probe,
        blocks: Sequence[tuple[int, ...]],
        without: Float[np.ndarray, " blocks"],
    ) -> Probe:
        whole = np.exp(probe.log_probability)
        drops = 1.0 - without / whole
        largest = float(drops.max())
        enough = [blocks[at] for at in np.flatnonzero(drops >= _ENOUGH * largest).tolist()]
        block = min(enough, key=lambda one: self._regions.areas[list(one)].sum())
        there = self._shown(block)
        return Probe(
            log_probability=probe.log_probability,
            log_ratio=probe.log_ratio,
            again=probe.again,
            drop=max(0.0, largest),
            again_there=self._again_about(self._claims[index], there),
            evidence=block,
        )

    def _joint(self, shown: Bool[np.ndarray, "batch regions"]) -> Float[np.ndarray, "batch claims"]:
        p = self._evaluate(shown).probability.astype(np.float64)
        joint = [p[:, columns].prod(axis=1) for columns in self._columns]
        return np.stack(joint, axis=1) + _TINY

    def _shown(self, block: Sequence[int]) -> np.ndarray:
        image = self._generation.image
        return masked_image(image, fill_image(image, self._fill), self._regions.mask(block))

    def _again(self, image: np.ndarray) -> list[float]:
        """One caption is enough for a yes or no; other claims are asked one by one."""
        return [self._again_about(claim, image) for claim in self._claims]

    def _again_about(self, claim: Claim, image: np.ndarray) -> float:
        if claim.verdict is None:
            return self._affirmed(claim.phrase, image)
        named = self._named(claim.phrase, image)
        return named if claim.verdict == "yes" else -named

    def _named(self, phrase: str, image: np.ndarray) -> float:
        """Log-odds that a description names a thing, where it comes nearest to it.

        A description that names the thing with other properties, a white heart instead of a red
        one, speaks against the phrase.
        """
        caption = self._model.generate(image, DESCRIBE)
        self._elsewhere += len(caption.ids)
        noun = phrase.split()[-1]
        if names(caption.text, noun) and not names(caption.text, phrase):
            return -_OTHERWISE
        token = self._first_token(noun, image)
        places = range(len(caption.ids))
        target = Target(positions=tuple(places), ids=(token,) * len(places), text=noun)
        whole = Regions.from_labels(np.zeros(caption.image.shape[:2], dtype=int))
        scorer = self._model.scorer(caption, target, whole, fill=self._fill)
        p = float(scorer(np.array([[True]])).probability.max())
        self._elsewhere += 1
        return log(p + _TINY) - log(1 - p + _TINY)

    def _first_token(self, noun: str, image: np.ndarray) -> int:
        """The token that begins a noun in the middle of a description."""
        return self._model.with_answer(image, DESCRIBE, f"A {noun}.").find(noun).ids[0]

    def _affirmed(self, phrase: str, image: np.ndarray) -> float:
        """Log-odds of yes to whether a thing is in the image."""
        article = "an" if phrase[0].lower() in "aeiou" else "a"
        question = f"Is there {article} {phrase} in the image?"
        asked = self._model.with_answer(image, question, "Yes.")
        yes, no = yes_and_no(self._model, asked)
        whole = Regions.from_labels(np.zeros(asked.image.shape[:2], dtype=int))
        position = asked.find("Yes").positions[0]
        both = Target(
            positions=(position,) * (len(yes.ids) + len(no.ids)),
            ids=(*yes.ids, *no.ids),
            text="yes or no",
        )
        scorer = self._model.scorer(asked, both, whole, fill=self._fill)
        p = scorer(np.array([[True]])).probability[0].astype(np.float64)
        self._elsewhere += 1
        n_yes = len(yes.ids)
        return log(p[:n_yes].sum() + _TINY) - log(p[n_yes:].sum() + _TINY)
