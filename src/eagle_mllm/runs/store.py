"""The folder of a run: a file a sample, whole or not there, shared by equal settings only.

In `<out>/<name>-<key>/`:

    run.json                      what was run, on what data, which samples are planned
    records/<sample>.json         what was found
    not-applicable/<sample>.json  why there was nothing to explain
    failures/<sample>.json        why it went wrong
    journal.jsonl                 when, where, how long: no result
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eagle_mllm.attribution.atomic import cannot_write
from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.files import (
    PLACES,
    append_line,
    clear_leftovers,
    file_name,
    read_description,
    read_outcome,
    write_description,
    write_file,
)
from eagle_mllm.runs.record import Failure, NotApplicable, Outcome, Record, encode


def run_key(identity: Mapping[str, JSON]) -> str:
    """Eight hexadecimal digits that two runs share only if all that matters is equal.

    Args:
        identity: everything on which a record depends.
    """
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


class RecordStore:
    """Writes and finds the outcomes of one run.

    Several processes may write to one folder at once, each its own samples.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder, and clear away what killed writers have left in it.

        Args:
            folder: `<out>/<name>-<key>`; what is missing of it is made.

        Raises:
            ResultError: the folder cannot be made.
        """
        self.folder = folder
        self._places = {kind: folder / name for kind, name in PLACES.items()}
        try:
            for place in self._places.values():
                place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        for place in (folder, *self._places.values()):
            clear_leftovers(place)

    def describe(self, description: Mapping[str, JSON], planned: Iterable[str]) -> None:
        """Write `run.json`, or add samples to the plan of the one that is there.

        What a run was started with stays as it was; the journal has the later starts.

        Args:
            description: what is run, and with what.
            planned: ids of the samples of this start, in their order.

        Raises:
            ResultError: the file cannot be written, or the one that is there cannot be read.
        """
        is_new = not (self.folder / "run.json").exists()
        held = dict(description) if is_new else read_description(self.folder)
        before: Any = held.get("planned", [])
        plan = list(dict.fromkeys([*before, *planned]))
        if is_new or plan != before:
            write_description(self.folder, {**held, "planned": plan})

    def ended(self, samples: Iterable[str]) -> dict[str, type[Outcome]]:
        """How each of the samples that were tried has ended."""
        present = {
            kind: {path.name for path in place.glob("*.json")}
            for kind, place in self._places.items()
        }
        ended: dict[str, type[Outcome]] = {}
        for sample in samples:
            kinds = (kind for kind, names in present.items() if file_name(sample) in names)
            if kind := next(kinds, None):
                ended[sample] = kind
        return ended

    def write(self, outcome: Outcome) -> None:
        """Keep an outcome. One that is no failure takes the place of a failure.

        Raises:
            ResultError: it cannot be written; what was there before is still there.
        """
        name = file_name(outcome.sample_id)
        write_file(self._places[type(outcome)] / name, encode(outcome))
        if not isinstance(outcome, Failure):
            with suppress(OSError):  # then both are there, and this one counts
                (self._places[Failure] / name).unlink(missing_ok=True)

    def log(self, event: Mapping[str, JSON]) -> None:
        """Add a line to the journal, with the time.

        Raises:
            ResultError: it cannot be written.
        """
        append_line(self.folder / "journal.jsonl", {"time": round(time.time(), 3), **event})


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it lies in its folder, finished or not; outcomes are in the order of the plan."""

    folder: Path
    config: RunConfig
    data: Mapping[str, JSON]
    """`name` and `fingerprint` of the data set."""

    made_with: Mapping[str, JSON]
    """Software, machine and model at the first start."""

    planned: tuple[str, ...]
    """Ids of all samples that were asked for."""

    records: tuple[Record, ...]
    not_applicable: tuple[NotApplicable, ...]
    failures: tuple[Failure, ...]

    @property
    def n_missing(self) -> int:
        """How many planned samples have not been tried yet."""
        tried = len(self.records) + len(self.not_applicable) + len(self.failures)
        return len(self.planned) - tried


def load_run(path: Path | str) -> Run:
    """Read a run, also while it is going on.

    Args:
        path: the run's own folder, or a folder that holds exactly one run.

    Raises:
        ResultError: there is no run or more than one, it was written by another version, or a
            file of it is damaged.
    """
    folder = _run_folder(Path(path))
    description = read_description(folder)
    planned = tuple(map(str, description["planned"]))
    outcomes = [read_outcome(folder, sample) for sample in planned]
    try:
        return Run(
            folder=folder,
            config=RunConfig.model_validate(description["config"]),
            data=description["data"],
            made_with=description["made_with"],
            planned=planned,
            records=tuple(one for one in outcomes if isinstance(one, Record)),
            not_applicable=tuple(one for one in outcomes if isinstance(one, NotApplicable)),
            failures=tuple(one for one in outcomes if isinstance(one, Failure)),
        )
    except (KeyError, ValidationError) as error:
        raise ResultError(
            f"{folder / 'run.json'} holds settings that this version does not know; "
            "read it with the version that wrote it"
        ) from error


def _run_folder(path: Path) -> Path:
    if (path / "run.json").is_file():
        return path
    inside = sorted(file.parent for file in path.glob("*/run.json"))
    if len(inside) != 1:
        names = ", ".join(folder.name for folder in inside) or "none"
        raise ResultError(f"{path} is no run and holds {names}; give the folder of one run")
    return inside[0]
