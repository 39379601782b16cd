"""Scores subsets of regions by asking a served model, a request for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.masking import FillName, MaskedImages, fill_image
from eagle_mllm.attribution.model import Scorer, SubsetScores
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.engines.asking import Asking
from eagle_mllm.engines.engine import Engine, Forced, prefix
from eagle_mllm.engines.vocabulary import Opened


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing to force, and which of its tokens a target asks about."""

    forced: Forced
    read: tuple[int, ...]
    """Places in `forced.asked`."""

    columns: tuple[int, ...]
    """The columns of the target that they fill."""


def questions_for(
    answer: Sequence[int], target: Target, opened: Opened, engine: Engine
) -> list[Question]:
    """What has to be forced to score a target: the answer, where ids can be up to its last token.

    A token that the answer does not have at its position, as of a counterfactual, is a question of
    its own: the answer up to there, and that token.

    Args:
        answer: the ids of the whole answer
        target: the tokens to score
        opened: the prompt
        engine: which serves the model
    """
    vocabulary = engine.vocabulary
    pairs = list(enumerate(zip(target.positions, target.ids, strict=True)))
    own = [(column, place) for column, (place, token) in pairs if answer[place] == token]
    questions = [
        Question(
            forced=prefix(opened, [*answer[:place], token], vocabulary),
            read=(place,),
            columns=(column,),
        )
        for column, (place, token) in pairs
        if answer[place] != token
    ]
    if own:
        columns, places = zip(*own, strict=True)
        stop = places[-1] + 1
        if not engine.forces_ids:
            stop = max(stop, len(answer) - (answer[-1] in vocabulary.ends))
        forced = prefix(opened, answer[:stop], vocabulary)
        questions.insert(0, Question(forced=forced, read=places, columns=columns))
    return questions


class ServedScorer(Scorer):
    """Probability of a target under subsets of the regions of one image.

    Args:
        asking: the served model, with its cache
        image: the image as the user sees it
        regions: a partition of it
        fill: what hidden pixels become
        questions: what to force
        concurrency: requests at once
    """

    def __init__(
        self,
        asking: Asking,
        image: RGBImage,
        regions: Regions,
        *,
        fill: FillName,
        questions: Sequence[Question],
        concurrency: int,
    ) -> None:
        self._asking = asking
        self._images = MaskedImages(image, regions, fill=fill)
        self._questions = questions
        self._n_tokens = sum(len(question.columns) for question in questions)
        self._concurrency = concurrency
        vocabulary = asking.engine.vocabulary
        self._seen, self._hideable = vocabulary.reach(image, fill_image(image, fill), regions)

    @property
    def preferred_batch_size(self) -> int:
        """Requests at once."""
        return self._concurrency

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._seen

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._hideable

    def __call__(self, shown: Subsets) -> SubsetScores:
        """See `Scorer`.

        Raises:
            ModelError: the server cannot be reached, refuses, or answers about something else
        """
        images = self._images(shown)
        probability = np.empty((len(shown), self._n_tokens), np.float32)
        predicted = np.empty((len(shown), self._n_tokens), np.int64)
        for question in self._questions:
            found = self._asking.score(images, question.forced, concurrency=self._concurrency)
            columns, read = list(question.columns), list(question.read)
            for row, scores in enumerate(found):
                probability[row, columns] = np.exp(np.array(scores.log_probability)[read])
                predicted[row, columns] = np.array(scores.predicted)[read]
        return SubsetScores(probability=probability, predicted=predicted)
