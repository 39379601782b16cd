"""The files of a run: names, reading, writing. Which of them there are is told in `store`."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from eagle_mllm.attribution.atomic import atomic_write, cannot_write
from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.record import Failure, NotApplicable, Outcome, Record, decode

SCHEMA_VERSION = 1

PLACES: dict[type[Outcome], str] = {
    Record: "records",
    NotApplicable: "not-applicable",
    Failure: "failures",
}
"""Outcome → the folder of its files. Should a sample be in several, the first counts."""

# A writer holds its temporary file for milliseconds; a file of this age has lost its writer.
_ABANDONED_SECONDS = 600.0


def file_name(sample_id: str) -> str:
    """The name of a sample's file; ids are safe as file names."""
    return f"{sample_id}.json"


def read_description(folder: Path) -> dict[str, Any]:
    """What `run.json` says of a run.

    Raises:
        ResultError: there is none, it is damaged, or another version wrote it.
    """
    path = folder / "run.json"
    try:
        values = dict(json.loads(path.read_bytes()))
        version, _ = values["schema_version"], list(values["planned"])
    except OSError as error:
        raise _cannot_read(path, error) from error
    except (LookupError, TypeError, ValueError) as error:
        raise ResultError(f"{path} is damaged ({error}); delete it and run again") from error
    if version != SCHEMA_VERSION:
        raise ResultError(
            f"{path} has schema version {version}, this eagle-mllm knows {SCHEMA_VERSION}; "
            "read it with the version that wrote it"
        )
    return values


def write_description(folder: Path, description: Mapping[str, JSON]) -> None:
    """Write `run.json`.

    Raises:
        ResultError: it cannot be written.
    """
    values = {"schema_version": SCHEMA_VERSION, **description}
    text = json.dumps(values, indent=1, sort_keys=True, allow_nan=False)
    write_file(folder / "run.json", text.encode() + b"\n")


def read_outcome(folder: Path, sample_id: str) -> Outcome | None:
    """How a sample ended; None if it did not yet.

    Raises:
        ResultError: its file is damaged.
    """
    for place in PLACES.values():
        path = folder / place / file_name(sample_id)
        try:
            return decode(path.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _cannot_read(path, error) from error
        except ResultError as error:
            raise ResultError(f"{path}: {error}; delete it and run again") from error
    return None


def write_file(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        ResultError: it cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def append_line(path: Path, values: Mapping[str, JSON]) -> None:
    """Add one line of JSON to a file.

    Raises:
        ResultError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values, sort_keys=True) + "\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def clear_leftovers(place: Path) -> None:
    """Delete the temporary files of writers that were killed."""
    for leftover in place.glob(".*.tmp"):
        with suppress(OSError):  # another process may clear it too
            if time.time() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                leftover.unlink()


def _cannot_read(path: Path, error: OSError) -> ResultError:
    return ResultError(f"cannot read {path}: {error.strerror}; give the folder of a run")
