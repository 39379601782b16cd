"""A run, read from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.borders import border
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.config import RunConfig
from eagle_mllm.runs.description import NAME, config_of, read_description
from eagle_mllm.runs.files import read_outcome, tried_samples
from eagle_mllm.runs.plans import plan_files, read_plan
from eagle_mllm.runs.record import Failure, NotApplicable, Record


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, finished or not; outcomes are in the order of the plan."""

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
    n_unplanned: int = 0
    """How many samples have an outcome in the folder and are in no plan, so not in this value: a
    plan was lost, which the next start makes good, or files were added by hand."""

    @property
    def n_missing(self) -> int:
        """How many planned samples have not been tried yet."""
        tried = len(self.records) + len(self.not_applicable) + len(self.failures)
        return len(self.planned) - tried


def load_run(path: Path | str) -> Run:
    """Read a run, also while it is under way.

    Args:
        path: the run's own folder, or a folder that holds exactly one run

    Raises:
        ResultError: there is no run or more than one, it was written by another version, or a
            file of it is damaged
    """
    folder = _run_folder(Path(path))
    description = read_description(folder)
    planned = planned_samples(folder)
    outcomes = [read_outcome(folder, sample) for sample in planned]
    return Run(
        folder=folder,
        config=config_of(description, folder),
        data=description.data.model_dump(),
        made_with=description.made_with,
        planned=planned,
        records=tuple(one for one in outcomes if isinstance(one, Record)),
        not_applicable=tuple(one for one in outcomes if isinstance(one, NotApplicable)),
        failures=tuple(one for one in outcomes if isinstance(one, Failure)),
        n_unplanned=len(tried_samples(folder) - set(planned)),
    )


def planned_samples(folder: Path) -> tuple[str, ...]:
    """The samples that any start of a run was asked for, each once.

    Raises:
        ResultError: `run.json` or a plan is damaged
    """
    before = read_description(folder).planned
    plans = (sample for path in plan_files(folder) for sample in read_plan(path))
    return tuple(dict.fromkeys((*before, *plans)))


def _run_folder(path: Path) -> Path:
    with border(ResultError, f"cannot read {path}", advice="give the folder of a run"):
        if (path / NAME).is_file():
            return path
        inside = sorted(file.parent for file in path.glob(f"*/{NAME}"))
    if len(inside) == 1:
        return inside[0]
    if tried_samples(path):
        raise ResultError(
            f"{path} has outcomes but no {NAME}; run the same command again, which writes it"
        )
    names = ", ".join(folder.name for folder in inside)
    if not inside:
        raise ResultError(f"{path} contains no run; give the folder of a single run")
    raise ResultError(f"{path} contains more than one run ({names}); give the folder of one")
