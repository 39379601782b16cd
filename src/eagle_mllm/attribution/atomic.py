"""Files that are either whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eagle_mllm.errors import ResultError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the folder of `path`, which takes its place when the block succeeds.

    Write the whole file to the path that is given. A reader then finds either what stood there
    before or the complete new file, never half of one, whatever happens in between: an
    exception, a full disk, Ctrl-C. A symbolic link stays, and the file it points to is replaced.

    Args:
        path: Where the file shall stand. Its folder must exist.

    Raises:
        ResultError: If the folder is missing or not writable, the disk is full, or `path` is a
            folder or a device.

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
    # Short and independent of the name, which may already be as long as the file system allows.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(target)
    except OSError as error:
        raise cannot_write(shown, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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
    except (OSError, RuntimeError, ValueError) as error:
        raise cannot_write(shown, error) from error
    return target


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
