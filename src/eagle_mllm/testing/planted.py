"""The planted model: its evidence, its answers and its scores."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.attribution.conversation import Asked, Messages, question_of
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.images import ImageLike, path_of, pixels_of
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import (
    Model,
    ModelInfo,
    Scorer,
    SubsetScores,
    require_explainable,
)
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.words.spelling import spelled
from eagle_mllm.errors import ImageError, SettingError, TargetError
from eagle_mllm.testing.vocabulary import EOS, OTHER, Vocabulary

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Where in the image the evidence of a word lies, and what it does to its probability.

        p(S) = base + (peak − base) · visible(S)

    where the share of each box's pixels that S shows is combined by the rule: "any" takes the
    largest share, "all" the product. Without boxes, p(S) = base for every S: a language prior.
    With a peak below the base, the evidence speaks against the word.

    Raises:
        SettingError: a box is empty or has negative coordinates, or base or peak is outside [0, 1]
    """

    boxes: Sequence[Box] = ()
    """Parts of the image that the word stands on."""

    rule: Literal["any", "all"] = "any"
    """Whether one box is enough or every box is needed."""

    base: float = 0.0
    """Probability of the word when nothing of its evidence is visible."""

    peak: float = 1.0
    """Probability of the word when its evidence is fully visible."""

    rival: str | None = None
    """The word that takes the rest of the probability; None leaves it to `OTHER`."""

    def __post_init__(self) -> None:
        for left, top, right, bottom in self.boxes:
            if not (0 <= left < right and 0 <= top < bottom):
                raise SettingError(
                    f"a box is (left, top, right, bottom) with 0 <= left < right and "
                    f"0 <= top < bottom; got {(left, top, right, bottom)}"
                )
        if not (0 <= self.base <= 1 and 0 <= self.peak <= 1):
            raise SettingError(f"base and peak must be in [0, 1]; got {self.base} and {self.peak}")


_END = Evidence(base=1.0)


class PlantedModel(Model):
    """A model that always gives one answer, with the evidence of each word where you put it.

    A word is one token unless `split` says otherwise, and a punctuation mark is a token. At each
    position the model gives its word the probability p(S) of `Evidence`, and the rest to the rival.
    Pixels play no part, only which of them are shown: every fill gives the same scores.
    """

    def __init__(
        self,
        answer: str,
        evidence: Mapping[str, Evidence],
        *,
        prior: float = 0.9,
        split: Mapping[str, Sequence[str]] | None = None,
        batch_size: int | None = None,
        returns_nan: bool = False,
    ) -> None:
        """Plant the evidence.

        Args:
            answer: what `generate` answers to everything
            evidence: the evidence of each word, by the word as it is written
            prior: probability of a word without evidence, whatever is shown
            split: sub-tokens of a word, as in `{"banana": ("ban", "ana")}`; each has the
                probability of the word
            batch_size: score in batches of exactly this many subsets, the last one padded, as
                a real model does; None scores any number at once
            returns_nan: return NaN for every probability, as a broken model does

        Raises:
            SettingError: the sub-tokens of a word do not spell it, or the prior is outside [0, 1]
        """
        self._answer = answer
        self._evidence = dict(evidence)
        self._prior = Evidence(base=prior)
        self._batch_size = batch_size
        self._returns_nan = returns_nan
        rivals = (one.rival for one in evidence.values() if one.rival)
        self._vocabulary = Vocabulary([answer, *evidence, *rivals], split or {})

    @property
    def info(self) -> ModelInfo:
        """A model called "planted"."""
        return ModelInfo(
            id="planted", revision=None, family="planted", dtype="float32", device="cpu"
        )

    def generate(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        *,
        messages: Messages | None = None,
        max_new_tokens: int = 128,
        image_path: str | None = None,
    ) -> Generation:
        """The planted answer, whatever the image and the prompt."""
        asked = question_of(prompt, messages)
        ids = (*self._vocabulary.encode(self._answer), EOS)
        return self._generation(image, asked, ids[:max_new_tokens], path=image_path)

    def with_answer(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        answer: str = "",
        *,
        messages: Messages | None = None,
        image_path: str | None = None,
    ) -> Generation:
        """Another answer, of words that the model knows: its own, those with evidence, and rivals.

        Raises:
            ModelError: the model does not know a word
            TargetError: the answer is empty or not Unicode
        """
        asked = question_of(prompt, messages)
        if not answer.strip():
            raise TargetError("the answer is empty; give the text to explain")
        ids = (*self._vocabulary.encode(answer), EOS)
        return self._generation(image, asked, ids, path=image_path)

    def spellings(self, words: Collection[str]) -> Mapping[int, str]:
        """See `Model`."""
        return spelled(enumerate(self._vocabulary.pieces), words)

    def scorer(
        self,
        generation: Generation,
        target: Target,
        regions: Regions,
        *,
        fill: FillName = "black",  # noqa: ARG002
    ) -> Scorer:
        """Scores by the formula of `Evidence`.

        Raises:
            TargetError: the target lies beyond the answer
            RegionError: the regions are not of the image's shape
            ImageError: a box lies outside the image
        """
        require_explainable(generation, target, regions)
        tokens = [
            self._planted_token(generation.ids[position], asked, regions)
            for position, asked in zip(target.positions, target.ids, strict=True)
        ]
        return _PlantedScorer(tokens, self._batch_size, returns_nan=self._returns_nan)

    def _generation(
        self, image: ImageLike, prompt: Asked, ids: tuple[int, ...], *, path: str | None
    ) -> Generation:
        return Generation.from_ids(
            ids,
            image=pixels_of(image),
            prompt=prompt,
            decode=self._vocabulary.decode,
            special={EOS},
            image_path=path or path_of(image),
            encode=self._vocabulary.encode,
        )

    def _planted_token(self, token: int, asked: int, regions: Regions) -> "_PlantedToken":
        word, is_first = self._vocabulary.word_of[token]
        evidence = _END if token == EOS else self._evidence.get(word, self._prior)
        rival = OTHER
        if evidence.rival is not None and is_first:
            rival = self._vocabulary.tokens_of(evidence.rival, like=token)[0]
        shares = np.zeros((len(evidence.boxes), len(regions)))
        for row, box in zip(shares, evidence.boxes, strict=True):
            row[:] = _share_of_box(box, word, regions)
        return _PlantedToken(evidence, shares, token=token, rival=rival, asked=asked)


@dataclass(frozen=True, eq=False)
class _PlantedToken:
    evidence: Evidence
    shares: Float[np.ndarray, "boxes regions"]
    _: KW_ONLY
    token: int
    rival: int
    asked: int

    def score(
        self, shown: Bool[np.ndarray, "batch regions"]
    ) -> tuple[Float[np.ndarray, " batch"], Int[np.ndarray, " batch"]]:
        evidence, own = self.evidence, np.full(len(shown), self.evidence.base)
        if len(self.shares) > 0:
            # No matrix product: its rounding may depend on the number of rows.
            visible = np.where(shown[:, np.newaxis, :], self.shares, 0.0).sum(axis=2)
            combine = np.max if evidence.rule == "any" else np.prod
            own = own + (evidence.peak - evidence.base) * combine(visible, axis=1)
        asked = {self.token: own, self.rival: 1.0 - own}.get(self.asked, np.zeros(len(shown)))
        return asked.clip(0, 1), np.where(own >= 0.5, self.token, self.rival)


class _PlantedScorer(Scorer):
    def __init__(
        self, tokens: Sequence[_PlantedToken], batch_size: int | None, *, returns_nan: bool
    ) -> None:
        self._tokens = tokens
        self._batch_size = batch_size
        self._returns_nan = returns_nan

    @property
    def preferred_batch_size(self) -> int | None:
        return self._batch_size

    def __call__(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        size = self._batch_size or len(shown)
        padded = np.concatenate([shown, np.repeat(shown[-1:], -len(shown) % size, axis=0)])
        batches = [self._score(batch) for batch in np.split(padded, len(padded) // size)]
        probability, predicted = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return SubsetScores(probability[: len(shown)], predicted[: len(shown)])

    def _score(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        scored = [token.score(shown) for token in self._tokens]
        probability = np.stack([own for own, _ in scored], axis=1).astype(np.float32)
        if self._returns_nan:
            probability.fill(np.nan)
        return SubsetScores(probability, np.stack([ids for _, ids in scored], axis=1))


def _share_of_box(box: Box, word: str, regions: Regions) -> Float[np.ndarray, " regions"]:
    """Which share of a box's pixels lies in each region."""
    left, top, right, bottom = box
    rows, columns = regions.shape
    if right > columns or bottom > rows:
        raise ImageError(
            f"the evidence of {word!r} at {box} lies outside the image of {columns} x {rows} pixels"
        )
    inside = regions.labels[top:bottom, left:right].ravel()
    return np.bincount(inside, minlength=len(regions)) / inside.size
