"""From a sample to its outcome. Whatever goes wrong with a sample is an outcome as well."""

import os
import platform
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from time import perf_counter

from eagle_mllm import loading
from eagle_mllm.attribution.model import Model, ModelInfo
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import EagleError
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.measures import measure
from eagle_mllm.runs.record import Failure, NotApplicable, Outcome, Record, record_of
from eagle_mllm.runs.targets import choose


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An outcome, and what the journal tells of it."""

    outcome: Outcome
    seconds: float
    """Wall time of the sample, its answer included."""

    explain_seconds: float | None = None
    """`Attribution.seconds`, where there is one."""

    worker: str
    """Host and process."""

    trace: str | None = None
    """Where an error came from, if nobody expected it."""


class Worker:
    """A model, and how it is explained."""

    def __init__(self, model: Model, config: RunConfig) -> None:
        """Keep the model.

        Args:
            model: who answers and is explained
            config: method, regions and length of an answer; its model is `model`
        """
        self._model = model
        self._config = config
        self._method = config.method.make()

    @property
    def info(self) -> ModelInfo:
        """Which model it is."""
        return self._model.info

    def __call__(self, sample: Sample) -> Finished:
        """How the sample ended; an error is an outcome, but for Ctrl-C."""
        start = perf_counter()
        try:
            outcome, explain_seconds = self._explain(sample)
        except Exception as error:
            return failed(sample, error, seconds=perf_counter() - start)
        return Finished(
            outcome=outcome,
            seconds=perf_counter() - start,
            explain_seconds=explain_seconds,
            worker=_this_process(),
        )

    def _explain(self, sample: Sample) -> tuple[Record | NotApplicable, float | None]:
        limit, digest = self._config.run.max_new_tokens, sample.image.digest()
        question = choose(self._model, sample, max_new_tokens=limit)
        if isinstance(question, NotApplicable):
            return replace(question, image_digest=digest), None
        generation, target = question
        cut = self._config.regions
        regions = segment(generation.image, method=cut.method, n_regions=cut.count)
        attribution = self._method.attribute(self._model, generation, target, regions=regions)
        record = record_of(
            sample.id,
            attribution,
            task=sample.task,
            image_name=sample.image.name,
            image_digest=digest,
            measures=measure(sample, attribution),
        )
        return record, attribution.seconds


class Work(ABC):
    """How a worker comes to be: small and picklable, sent to wherever the worker shall be."""

    @abstractmethod
    def start(self) -> Worker:
        """Load the model. This takes its time and happens once a worker.

        Raises:
            EagleError: the model cannot be loaded
        """


@dataclass(frozen=True, kw_only=True)
class ExplainWork(Work):
    """The work that a configuration describes."""

    config: RunConfig
    """Without variables."""

    def start(self) -> Worker:
        """Load the configured model."""
        chosen = self.config.model
        return Worker(loading.load_model(chosen.id, **chosen.settings.options), self.config)


def failed(sample: Sample, error: Exception, *, seconds: float = 0.0) -> Finished:
    """The end of a sample that an error ended.

    Args:
        sample: which one
        error: why
        seconds: how long it took until then
    """
    is_expected = isinstance(error, EagleError)
    return Finished(
        outcome=Failure(
            sample_id=sample.id,
            task=sample.task,
            error=type(error).__name__,
            reason=" ".join(str(error).split()) or type(error).__name__,
        ),
        seconds=seconds,
        worker=_this_process(),
        trace=None if is_expected else "".join(traceback.format_exception(error)),
    )


def _this_process() -> str:
    return f"{platform.node()}:{os.getpid()}"
