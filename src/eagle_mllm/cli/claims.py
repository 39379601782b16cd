"""Folders that one living process has to itself.

A claim is a lock on the folder, not a file in it: it ends with its process, even a killed one, and
leaves nothing behind. Where a file system or an operating system has no such locks, every claim is
granted and `is_certain` is off.
"""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_STAGING = re.compile(r"\.eagle-[0-9a-f]{12}")


@dataclass(frozen=True)
class Claim:
    """A folder that is ours until `release`."""

    descriptor: int | None
    """The open folder that carries the lock; None where there are no locks."""

    @property
    def is_certain(self) -> bool:
        """Whether no other process can hold a claim to the same folder."""
        return self.descriptor is not None

    def release(self) -> None:
        """Let others claim the folder."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def claim(folder: Path) -> Claim | None:
    """Claim a folder; None if a living process has claimed it.

    Raises:
        OSError: the folder does not exist, or cannot be opened
    """
    if sys.platform == "win32":
        return Claim(None)
    import fcntl

    while True:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            return Claim(None)
        # Another process may have put a new folder in the place of the one that we opened.
        if _is_at(descriptor, folder):
            return Claim(descriptor)
        os.close(descriptor)


def _is_at(descriptor: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        os.close(descriptor)
        raise


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder in `parent` for files that are not finished, gone when the block ends.

    What processes that were killed have left in `parent` is cleared first.

    Raises:
        OSError: no folder can be made there
    """
    clear_leftovers(parent)
    staging, claimed = _new_staging(parent)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        claimed.release()


def _new_staging(parent: Path) -> tuple[Path, Claim]:
    while True:
        staging = parent / f".eagle-{secrets.token_hex(6)}"
        # Not tempfile.mkdtemp: this folder may become the user's, with the usual permissions.
        staging.mkdir()
        with suppress(FileNotFoundError):  # taken for a leftover before we could claim it
            if claimed := claim(staging):
                return staging, claimed


def clear_leftovers(parent: Path) -> None:
    """Delete the staging folders in `parent` that belong to no living process."""
    for leftover in _leftovers(parent):
        with suppress(OSError), owned(leftover) as is_ours:
            if is_ours:
                shutil.rmtree(leftover, ignore_errors=True)


def _leftovers(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if _STAGING.fullmatch(path.name)]
    except OSError:
        return []


@contextmanager
def owned(folder: Path) -> Iterator[bool]:
    """Claim a folder during the block, if no other process has it for certain.

    Raises:
        OSError: the folder does not exist, or cannot be opened
    """
    claimed = claim(folder)
    try:
        yield claimed is not None and claimed.is_certain
    finally:
        if claimed is not None:
            claimed.release()
