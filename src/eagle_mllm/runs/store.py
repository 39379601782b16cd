"""The folder of a run: one file per sample, whole or not there, shared by equal settings only.

In `<out>/<name>-<key>/`:

    run.json                      what was run, and on what data
    plans/<number>-<digest>.json  which samples were asked for, one file per selection
    records/<sample>.json         what was found
    not-applicable/<sample>.json  why there was nothing to explain
    failures/<sample>.json        why it went wrong
    set-aside/                    files that were damaged, foreign or out of date
    journal.jsonl                 when, where, how long: no result
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

from eagle_mllm.attribution.atomic import abandoned, atomic_write, cannot_write
from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.runs import description, plans
from eagle_mllm.runs.files import (
    PLACES,
    Damaged,
    file_name,
    read_outcome,
    sample_files,
    tried_samples,
)
from eagle_mllm.runs.journal import append_event
from eagle_mllm.runs.reading import Run, load_run, planned_samples
from eagle_mllm.runs.record import Failure, Outcome, encode

__all__ = ["RecordStore", "Run", "load_run", "run_key"]

SET_ASIDE = "set-aside"


def run_key(identity: Mapping[str, JSON]) -> str:
    """Eight hexadecimal digits that two runs share only if all that matters is equal.

    Args:
        identity: everything on which a record depends
    """
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


class RecordStore:
    """Writes and finds the outcomes of one run.

    Several processes may write to one folder at once, with any selections of samples.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder, and clear away what killed writers have left in it.

        Args:
            folder: `<out>/<name>-<key>`; what is missing of it is made

        Raises:
            ResultError: the folder cannot be made
        """
        self.folder = folder
        places = [folder / name for name in (*PLACES.values(), plans.PLACE)]
        try:
            for place in places:
                place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        for place in (folder, *places):
            for leftover in abandoned(place):
                with suppress(OSError):  # another process may clear it too
                    leftover.unlink()

    def describe(self, started: Mapping[str, JSON], planned: Iterable[str]) -> int:
        """Write `run.json` where there is none, and which samples this start is asked for.

        What a run was started with stays as it was; the journal has the later starts. A file that
        is damaged or belongs to another run is set aside and made anew.

        Args:
            started: `config`, `data` and `made_with`
            planned: ids of the samples of this start, in their order

        Returns:
            How many files were set aside

        Raises:
            ResultError: a file cannot be written, or another version wrote the one that is there
        """
        place = self.folder / description.NAME
        checks: dict[Path, Callable[[], object]] = {
            path: partial(plans.read_plan, path) for path in plans.plan_files(self.folder)
        }
        if os.path.lexists(place):
            checks[place] = partial(description.require_description, self.folder, started)
        damaged = sum(self._is_set_aside(path, check) for path, check in checks.items())
        if not place.exists():
            description.write_description(self.folder, started)
        self.plan(planned)
        return damaged

    def plan(self, samples: Iterable[str]) -> None:
        """Add samples to those that the run is asked for.

        Raises:
            ResultError: the plan cannot be written
        """
        plans.add_plan(self.folder, list(samples))

    def unplanned(self) -> set[str]:
        """Samples that have an outcome and are in no plan: one was lost, or a file is foreign.

        Raises:
            ResultError: a plan cannot be read
        """
        return tried_samples(self.folder) - set(planned_samples(self.folder))

    def outcome(self, sample_id: str) -> Outcome | None:
        """How a sample ended; None if it did not yet.

        Raises:
            Damaged: its file is broken, was changed, or is of another sample or kind
            ResultError: its file cannot be read
        """
        return read_outcome(self.folder, sample_id)

    def set_aside(self, sample_id: str, *, reason: str) -> None:
        """Move the files of a sample to `set-aside/`, as if it had not been tried.

        Args:
            sample_id: which sample
            reason: for the journal

        Raises:
            ResultError: it cannot be moved
        """
        for _, path in sample_files(self.folder, sample_id):
            self._move_aside(path, reason)

    def write(self, outcome: Outcome) -> None:
        """Keep an outcome. It replaces a failure, unless it is one.

        Raises:
            ResultError: it cannot be written; what was there before is still there
        """
        name = file_name(outcome.sample_id)
        with atomic_write(self.folder / PLACES[type(outcome)] / name) as temporary:
            temporary.write_bytes(encode(outcome))
        if not isinstance(outcome, Failure):
            with suppress(OSError):  # then both are there, and this one counts
                (self.folder / PLACES[Failure] / name).unlink(missing_ok=True)

    def log(self, event: Mapping[str, JSON]) -> None:
        """Add a line to the journal, with the time.

        Raises:
            ResultError: it cannot be written
        """
        append_event(self.folder, event)

    def _is_set_aside(self, path: Path, check: Callable[[], object]) -> bool:
        try:
            check()
        except Damaged as error:
            self._move_aside(path, str(error))
            return True
        return False

    def _move_aside(self, path: Path, reason: str) -> None:
        name = path.relative_to(self.folder)
        try:
            target = next(place for place in self._places_aside(name) if not os.path.lexists(place))
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        except FileNotFoundError:  # another start has moved it
            return
        except OSError as error:
            raise cannot_write(path, error) from error
        self.log({"event": "set aside", "file": str(name), "reason": reason})

    def _places_aside(self, name: Path) -> Iterator[Path]:
        yield self.folder / SET_ASIDE / name
        yield from (self.folder / SET_ASIDE / str(number) / name for number in count(2))
