"""From a sample to its outcome. Whatever goes wrong with a sample is an outcome as well."""

import os
import platform
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from eagle_mllm import connecting, loading
from eagle_mllm.attribution.model import Model, ModelInfo
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import EagleError
from eagle_mllm.hallucination.measuring import direct_measures
from eagle_mllm.runs.checkpoints import checkpoint_digest
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.measures import measure
from eagle_mllm.runs.record import Failure, NotApplicable, Outcome, Record, record_of
from eagle_mllm.runs.targets import choose

FILES = "files"
"""The key of `ModelInfo.details` with the digest of a local model folder."""


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

    def __init__(self, model: Model, config: RunConfig, *, files_digest: str | None = None) -> None:
        """Keep the model.

        Args:
            model: the model to explain
            config: method, regions and length of an answer; its model is `model`
            files_digest: of the local folder that the model was loaded from, if it was
        """
        self._model = model
        self._config = config
        self._method = config.method.make()
        self._files = {} if files_digest is None else {FILES: files_digest}

    @property
    def info(self) -> ModelInfo:
        """Which model it is; a local folder is known by its files too."""
        info = self._model.info
        return replace(info, details={**info.details, **self._files})

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
        chosen, digest = self._config.run, sample.image.digest()
        question = choose(
            self._model, sample, max_new_tokens=chosen.max_new_tokens, piece=chosen.choice
        )
        if isinstance(question, NotApplicable):
            return replace(question, image_digest=digest), None
        generation, target = question
        cut = self._config.regions
        regions = segment(generation.image, method=cut.method, n_regions=cut.count)
        attribution = self._method.attribute(self._model, generation, target, regions=regions)
        measures = measure(sample, attribution)
        if sample.task == "existence" and sample.truth is not None:
            fill = self._method.fill
            measures |= direct_measures(
                self._model, generation, sample.truth, regions=regions, fill=fill
            )
        record = record_of(
            sample.id,
            attribution,
            task=sample.task,
            image_name=sample.image.name,
            image_digest=digest,
            measures=measures,
        )
        return record, attribution.seconds


def load_worker(config: RunConfig) -> Worker:
    """A worker with the model that a configuration names. This takes its time.

    Args:
        config: without variables

    Raises:
        EagleError: the model cannot be loaded
    """
    chosen = config.model
    if chosen.serving is not None:
        return Worker(connecting.connect_by(chosen.serving, model=chosen.id), config)
    folder = loading.checkpoint_folder(chosen.id)
    digest = None if folder is None else checkpoint_digest(folder)
    model = loading.load_model(chosen.id, **chosen.settings.options)
    return Worker(model, config, files_digest=digest)


LoadWorker = Callable[[], Worker]
"""How a worker comes to be: small and picklable, sent to wherever the worker shall be."""


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
