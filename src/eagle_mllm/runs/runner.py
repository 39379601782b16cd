"""Goes through the samples of a run, and never dies on one of them."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import eagle_mllm
from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.attribution.provenance import JSON, made_with
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.registry import open_data
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import SettingError
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.executors import Executor
from eagle_mllm.runs.files import SCHEMA_VERSION
from eagle_mllm.runs.record import Failure, NotApplicable, Outcome, Record
from eagle_mllm.runs.resuming import Standing, take_stock
from eagle_mllm.runs.sections import SampleSection
from eagle_mllm.runs.store import RecordStore, run_key
from eagle_mllm.runs.worker import FILES, Finished, load_worker


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A share of a selection: of every `count` samples the one with this number.

    Raises:
        SettingError: there is no such shard
    """

    number: int = 1
    """Which one, from 1."""

    count: int = 1
    """How many there are."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise SettingError(f"there is no shard {self.number}/{self.count}; expected 1/N to N/N")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How the samples of a start stand, those included that an earlier one has worked on."""

    folder: Path
    planned: int
    done: int = 0
    not_applicable: int = 0
    failed: int = 0
    problems: int = 0
    """What the data set could not make a sample of, or warns about."""

    set_aside: int = 0
    """Files that were damaged, foreign or out of date, and are made anew."""

    adopted: int = 0
    """Outcomes in the folder that no plan named, as after the loss of a file, and now one does."""

    @property
    def ended(self) -> int:
        """How many have an outcome."""
        return self.done + self.not_applicable + self.failed

    def counting(self, kinds: Iterable[type[Outcome]]) -> "Tally":
        """The same after some more outcomes."""
        seen = list(kinds)
        return replace(
            self,
            done=self.done + seen.count(Record),
            not_applicable=self.not_applicable + seen.count(NotApplicable),
            failed=self.failed + seen.count(Failure),
        )


OnTally = Callable[[Tally], None]
"""Called before the first sample and after each."""


def run(
    config: RunConfig,
    executor: Executor,
    *,
    out: Path,
    shard: Shard = Shard(),
    retry_failed: bool = False,
    on_tally: OnTally | None = None,
) -> Tally:
    """Explain the samples of a data set that have no outcome yet.

    Started again with the same settings, it continues where it was stopped; with other settings,
    in another folder. An error ends a sample, not the run. An interruption or a full disk ends the
    run, and loses the samples that are being worked on.

    Args:
        config: what to do
        executor: where to do it; it is started and stopped here
        out: the folder that holds the run's own folder
        shard: which share of the selected samples to do. Shards may run at the same time
        retry_failed: whether samples that failed are tried again
        on_tally: called before the first sample and after each

    Raises:
        EagleError: the data set or the model cannot be used, the budget does not pay for so many
            regions, or the folder cannot be written to
    """
    resolved = config.resolved()
    # A budget that is too small for the regions asked for is told now, not by every sample.
    resolved.method.make().planned_passes(resolved.regions.count)
    data = open_data(resolved.data.set, **resolved.data.settings)
    selected = selected_of(data, config.run)
    with executor:
        info = executor.start(partial(load_worker, resolved))
        store = RecordStore(out / f"{config.name}-{run_key(_identity(config, info, data))}")
        damaged = store.describe(
            _description(config, info, data), [sample.id for sample in selected]
        )
        adopted = _adopt(store, data)
        mine = selected[shard.number - 1 :: shard.count]
        standing = take_stock(store, mine)
        ended = standing.ended
        if retry_failed:
            ended = {sample: kind for sample, kind in ended.items() if kind is not Failure}
        todo = [sample for sample in mine if sample.id not in ended]
        store.log(
            {
                "event": "start",
                "samples": len(todo),
                "problems": [str(problem) for problem in data.problems],
                "made_with": made_with(info),
            }
        )
        empty = Tally(
            folder=store.folder,
            planned=len(mine),
            problems=len(data.problems),
            set_aside=damaged + adopted.set_aside + standing.set_aside,
            adopted=len(adopted.ended),
        )
        tally = empty.counting(ended.values())
        return _work_off(todo, executor, store, tally=tally, on_tally=on_tally)


def _adopt(store: RecordStore, data: DataSet) -> Standing:
    """Plan the samples of this data set that have an outcome and are in no plan any more."""
    unplanned = store.unplanned()
    standing = take_stock(
        store, (sample for sample in (data if unplanned else ()) if sample.id in unplanned)
    )
    if standing.ended:
        store.plan(standing.ended)
        store.log({"event": "adopted", "samples": list(standing.ended)})
    return standing


def _work_off(
    samples: Sequence[Sample],
    executor: Executor,
    store: RecordStore,
    *,
    tally: Tally,
    on_tally: OnTally | None,
) -> Tally:
    report = on_tally or (lambda _: None)
    report(tally)
    for finished in executor.run(samples):
        store.write(finished.outcome)
        store.log(_entry(finished))
        tally = tally.counting([type(finished.outcome)])
        report(tally)
    return tally


def _entry(finished: Finished) -> dict[str, JSON]:
    """The journal's line about a sample."""
    outcome = finished.outcome
    entry: dict[str, JSON] = {
        "event": "sample",
        "sample": outcome.sample_id,
        "outcome": outcome.outcome,
        "seconds": finished.seconds,
        "explain_seconds": finished.explain_seconds,
        "worker": finished.worker,
    }
    return entry if finished.trace is None else {**entry, "trace": finished.trace}


def selected_of(data: DataSet, chosen: SampleSection) -> Sequence[Sample]:
    """The samples that a run is about, in their order.

    Raises:
        SettingError: there is none
    """
    places = list(range(len(data)))
    if chosen.seed is not None:
        random.Random(chosen.seed).shuffle(places)
    stop = None if chosen.limit is None else chosen.offset + chosen.limit
    selected = [data[place] for place in places[chosen.offset : stop]]
    if not selected:
        raise SettingError(
            f"there is no sample to run: {data.name} has {len(data)}, offset is {chosen.offset}; "
            "take a smaller offset or another data set"
        )
    return selected


def _identity(config: RunConfig, info: ModelInfo, data: DataSet) -> dict[str, JSON]:
    """Everything that decides a record. The weights count as they were loaded, not as asked."""
    known = (FILES, "engine", "engine_version")
    files: dict[str, JSON] = {name: info.details[name] for name in known if name in info.details}
    return {
        "schema_version": SCHEMA_VERSION,
        "eagle": eagle_mllm.__version__,
        "config": config.identity,
        "model": {"id": info.id, "revision": info.revision, "dtype": info.dtype, **files},
        "data": data.fingerprint,
    }


def _description(config: RunConfig, info: ModelInfo, data: DataSet) -> dict[str, JSON]:
    return {
        "config": config.model_dump(mode="json"),
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "made_with": made_with(info),
    }
