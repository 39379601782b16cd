"""Where samples are worked on: here, one after the other, or wherever an executor sends them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from types import TracebackType

from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.runs.worker import Finished, LoadWorker, Worker


class Executor(ABC):
    """Has workers, started once, and gives them samples.

    Which executor is used changes no outcome, only the order in which they come. (The number of
    CPU threads changes the last digits of a probability, whoever works.) Outcomes are returned,
    not written: the folder of a run then has one writer, workers need no shared disk, and a full
    one is noticed in one place.
    """

    @abstractmethod
    def start(self, load: LoadWorker) -> ModelInfo:
        """Start the workers.

        Args:
            load: makes a worker; called once for each, where it shall work

        Returns:
            The model that they have loaded

        Raises:
            EagleError: the model cannot be loaded, or there is no place for a worker
        """

    @abstractmethod
    def run(self, samples: Iterable[Sample]) -> Iterator[Finished]:
        """How each sample ended, as soon as it did.

        Args:
            samples: taken one at a time, when a worker is free
        """

    @abstractmethod
    def stop(self) -> None:
        """Let the workers go; they may be in the middle of a sample."""

    def __enter__(self) -> "Executor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class SerialExecutor(Executor):
    """One worker, in this process."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def start(self, load: LoadWorker) -> ModelInfo:
        """Load the model here."""
        self._worker = load()
        return self._worker.info

    def run(self, samples: Iterable[Sample]) -> Iterator[Finished]:
        """One sample after the other, in their order."""
        assert self._worker is not None, "start comes before run"
        yield from map(self._worker, samples)

    def stop(self) -> None:
        """Let the model go."""
        self._worker = None
