"""What earlier starts have left: outcomes that still hold, and files to make anew."""

from collections.abc import Iterable
from dataclasses import dataclass

from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import EagleError
from eagle_mllm.runs.files import Damaged
from eagle_mllm.runs.record import Failure, Outcome
from eagle_mllm.runs.store import RecordStore


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How samples stand before a start works on them."""

    ended: dict[str, type[Outcome]]
    """Sample → how it ended; samples that have no valid outcome are not in it."""

    set_aside: int
    """How many had an outcome that does not hold any more."""


def take_stock(store: RecordStore, samples: Iterable[Sample]) -> Standing:
    """Read the outcomes of samples, and set aside those that cannot be trusted.

    An outcome holds if its file is as it was written, is about this sample, and was made from the
    image that the sample has now.

    Args:
        store: the folder of the run
        samples: which samples to look at

    Raises:
        ResultError: a file cannot be read, or not be moved
    """
    ended: dict[str, type[Outcome]] = {}
    set_aside = 0
    for sample in samples:
        try:
            outcome = store.outcome(sample.id)
            reason = None if outcome is None else _out_of_date(outcome, sample)
        except Damaged as error:
            outcome, reason = None, str(error)
        if reason is not None:
            store.set_aside(sample.id, reason=reason)
            set_aside += 1
        elif outcome is not None:
            ended[sample.id] = type(outcome)
    return Standing(ended=ended, set_aside=set_aside)


def _out_of_date(outcome: Outcome, sample: Sample) -> str | None:
    """Why an outcome does not hold any more, if so."""
    if isinstance(outcome, Failure) or outcome.image_digest is None:
        return None
    try:
        digest = sample.image.digest()
    except EagleError:  # the image is not here now, which says nothing about the outcome
        return None
    return None if digest == outcome.image_digest else "its image has changed since"
