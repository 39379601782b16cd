"""The file of each sample: its place, and how it is read. See `store` for the folder's layout."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from eagle_mllm.borders import file_bytes, reason
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.forms import AGAIN
from eagle_mllm.runs.record import Failure, NotApplicable, Outcome, Record, decode

SCHEMA_VERSION = 1

PLACES: dict[type[Outcome], str] = {
    Record: "records",
    NotApplicable: "not-applicable",
    Failure: "failures",
}
"""Outcome → the folder of its files. Should a sample be in several, the first counts."""

_MOST_BYTES = 1 << 30

# What is wrong with a file itself, rather than with the disk or with our right to read it.
_DAMAGE = (errno.ENOENT, errno.EISDIR, errno.ELOOP, errno.ENODEV, errno.EFBIG, errno.ENODATA)


class Damaged(ResultError):
    """A file of a run that is not what the run wrote there; starting the run again replaces it."""


def file_name(sample_id: str) -> str:
    """The name of a sample's file; ids are safe as file names."""
    return f"{sample_id}.json"


def sample_files(folder: Path, sample_id: str) -> Iterator[tuple[type[Outcome], Path]]:
    """The entries of a sample, whatever they are, the one that counts first."""
    for kind, place in PLACES.items():
        path = folder / place / file_name(sample_id)
        if os.path.lexists(path):
            yield kind, path


def tried_samples(folder: Path) -> set[str]:
    """The samples that have an outcome, whatever is in its file."""
    files = (path for place in PLACES.values() for path in (folder / place).glob("*.json"))
    return {path.name.removesuffix(".json") for path in files if not path.name.startswith(".")}


def read_outcome(folder: Path, sample_id: str) -> Outcome | None:
    """How a sample ended; None if it did not yet.

    Raises:
        Damaged: its file is broken, was changed, or is of another sample or kind
        ResultError: its file cannot be read
    """
    for kind, path in sample_files(folder, sample_id):
        try:
            return _belonging(content(path), kind, path, sample_id)
        except Damaged:
            if os.path.lexists(path):
                raise
            # Another process has just put an outcome in the place of a failure.
    return None


def content(path: Path) -> bytes:
    """The bytes of a file of a run.

    Raises:
        Damaged: there is none, or something else: a folder, a device, a link that leads nowhere
        ResultError: it cannot be read
    """
    try:
        if path.is_fifo():  # nobody will ever write into it
            raise OSError(errno.ENODATA, "it is a pipe")
        return file_bytes(path, limit=_MOST_BYTES)
    except OSError as error:
        kind = Damaged if error.errno in _DAMAGE else ResultError
        raise kind(f"cannot read {path}: {reason(error)}; {AGAIN}") from error


def _belonging(data: bytes, kind: type[Outcome], path: Path, sample_id: str) -> Outcome:
    try:
        outcome = decode(data)
    except ResultError as error:
        kind_of_error = ResultError if isinstance(error.__cause__, MemoryError) else Damaged
        raise kind_of_error(f"{path}: {error}") from error
    if not isinstance(outcome, kind) or outcome.sample_id != sample_id:
        raise Damaged(
            f"{path} is about the sample {outcome.sample_id!r}, {outcome.outcome}; expected "
            f"{sample_id!r}, {kind.outcome}; {AGAIN}"
        )
    return outcome
