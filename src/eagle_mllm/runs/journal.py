"""The journal of a run: one JSON object per line, about when, where and how long."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eagle_mllm.attribution.atomic import cannot_write
from eagle_mllm.attribution.provenance import JSON

NAME = "journal.jsonl"


def append_event(folder: Path, event: Mapping[str, JSON]) -> None:
    """Add a line to the journal of a run, with the time.

    A line that a killed process left unfinished keeps to itself: the next one begins after it.

    Args:
        folder: of the run
        event: what happened

    Raises:
        ResultError: it cannot be written
    """
    path = folder / NAME
    line = json.dumps({"time": round(time.time(), 3), **event}, sort_keys=True).encode() + b"\n"
    try:
        with path.open("ab+", buffering=0) as file:
            rest = memoryview(line if _ends_in_a_line(file) else b"\n" + line)
            while rest:  # in one piece, but where a disk is nearly full
                rest = rest[file.write(rest) or 0 :]
    except OSError as error:
        raise cannot_write(path, error) from error


def read_events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run, in the order in which they were written; unfinished lines are skipped.

    Args:
        folder: of the run
    """
    lines = (folder / NAME).read_bytes().splitlines()
    return [event for event in map(_event, lines) if event is not None]


def _ends_in_a_line(file: Any) -> bool:
    size = file.seek(0, 2)
    if not size:
        return True
    file.seek(size - 1)
    return bool(file.read(1) == b"\n")


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
