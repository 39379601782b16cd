"""Which samples a run was asked for: one file per selection, only ever added.

A file is written whole and never again, so that any number of starts with any selections can be
under way in one folder at the same time, also where a file system has no locks.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.borders import border
from eagle_mllm.runs.files import Damaged, content
from eagle_mllm.runs.forms import AGAIN, Form, SampleId, filled, json_of

PLACE = "plans"


class PlanForm(Form):
    """What a file of a plan holds."""

    planned: list[SampleId]


def plan_files(folder: Path) -> list[Path]:
    """The plans of a run, in the order in which they were made."""
    return sorted((folder / PLACE).glob("*.json"))


def read_plan(path: Path) -> tuple[str, ...]:
    """The samples of one start, in their order.

    Raises:
        Damaged: the file is broken
        ResultError: it cannot be read
    """
    with border(Damaged, f"cannot read {path}", advice=AGAIN):
        return tuple(filled(PlanForm, json_of(content(path))).planned)


def add_plan(folder: Path, samples: Sequence[str]) -> None:
    """Write down that these samples are asked for; a selection that is there is left as it is.

    Args:
        folder: of the run
        samples: ids, in their order

    Raises:
        ResultError: it cannot be written
    """
    text = json.dumps({"planned": list(samples)}, indent=1) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    place = folder / PLACE
    if any(place.glob(f"*-{digest}.json")):
        return
    # Two starts may take the same number; their digests tell them apart.
    with atomic_write(place / f"{len(plan_files(folder)) + 1:06d}-{digest}.json") as temporary:
        temporary.write_text(text, encoding="utf-8")
