"""Files that are either whole or not there."""

import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eagle_mllm.errors import ResultError

# A writer holds its temporary file for milliseconds; one of this age is not being written.
_ABANDONED_SECONDS = 600.0

_TEMPORARY = re.compile(r"\.(?P<host>[A-Za-z0-9-]*)\.(?P<process>[0-9]{1,9})\.[0-9a-f]{16}\.tmp")


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the folder of `path`, which takes its place when the block succeeds.

    Write the whole file to the path that is given. A reader then finds either what was there
    before or the complete new file, never half of one, whatever happens in between: an
    exception, a full disk, Ctrl-C. A symbolic link stays, and the file it points to is replaced.

    Args:
        path: where the file goes; its folder must exist

    Raises:
        ResultError: the folder is missing or not writable, the disk is full, or `path` is a
            folder or a device

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_write(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    shown = Path(path)
    target = require_place(shown)
    temporary = target.with_name(_temporary_name())
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(target)
    except OSError as error:
        raise cannot_write(shown, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def abandoned(folder: Path) -> list[Path]:
    """Temporary files of `atomic_write` whose writers are gone: killed, or cut off from power.

    Age is told by the clock of the file system alone, from a file made for the purpose: machines
    that share a folder need not agree on the time. A writer that still lives on this machine keeps
    its file however old that is.

    Args:
        folder: where to look
    """
    leftovers = [path for path in folder.glob(".*.tmp") if not _has_living_writer(path)]
    if not leftovers:
        return []
    with suppress(OSError):  # a folder that takes no file, or others that clear it as well
        now = _time_of(folder)
        return [path for path in leftovers if now - path.stat().st_mtime > _ABANDONED_SECONDS]
    return []


def place_new(file: Path, target: Path) -> None:
    """Move a finished file to a name that nothing has, at any moment.

    Args:
        file: what to move
        target: where to, on the same file system

    Raises:
        FileExistsError: something has that name
        OSError: the file cannot be moved
    """
    try:
        os.link(file, target)
    except FileExistsError:
        if not file.samefile(target):  # else a process was killed between link and unlink
            raise
    except OSError:
        _place_without_links(file, target)
        return
    with suppress(OSError):
        file.unlink()


def _place_without_links(file: Path, target: Path) -> None:
    # An empty file of ours holds the name until the finished one takes its place.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        file.replace(target)
    except OSError:
        target.unlink()
        raise


def require_place(shown: Path) -> Path:
    """Where a file of that name would really be written: symbolic links lead on.

    Raises:
        ResultError: the folder is missing, or the name belongs to a folder or a device
    """
    try:
        target = shown.resolve()
        _require_place(target, shown)
    except ResultError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise cannot_write(shown, error) from error
    return target


def _temporary_name() -> str:
    """Short, and independent of a name that may be as long as the file system allows."""
    return f".{_host()}.{os.getpid()}.{secrets.token_hex(8)}.tmp"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:64]


def _has_living_writer(temporary: Path) -> bool:
    """Whether a process of this machine is at work on the file, as far as its name tells."""
    match = _TEMPORARY.fullmatch(temporary.name)
    return match is not None and match["host"] == _host() and _lives(int(match["process"]))


def _lives(process: int) -> bool:
    import psutil  # asking by a signal would end the process on Windows

    return bool(psutil.pid_exists(process))


def _time_of(folder: Path) -> float:
    """The time by the clock that gives the files of a folder theirs."""
    probe = folder / _temporary_name()
    try:
        probe.touch(exist_ok=False)
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _require_place(target: Path, shown: Path) -> None:
    if not target.parent.is_dir():
        raise ResultError(f"cannot write {shown}: there is no folder {target.parent}; create it")
    if target.is_dir():
        raise ResultError(f"cannot write {shown}: it is a folder; give the name of a file")
    # Replacing /dev/null by a file would break the whole machine.
    if target.exists() and not target.is_file():
        raise ResultError(f"cannot write {shown}: it is not a regular file; give another name")


def _flush_to_disk(temporary: Path) -> None:
    # Without this a power cut just after the replacement can leave an empty file.
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())


def cannot_write(shown: Path, error: Exception) -> ResultError:
    """The error for a place that takes no file of ours."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ResultError(
        f"cannot write {shown}: {reason}; check the folder's permissions and its free space"
    )
