"""The border between files of others and this package: how they are opened, and how they fail.

A file that somebody else made may be of any size, never end, or break any parser in ways that its
documentation does not name. `file_bytes` reads up to a limit and never from a device; `border`
turns whatever a reader raises into one error of ours, on one line, with the file's name.
"""

import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EFBIG, EINVAL, EISDIR, ENODATA, ENODEV
from pathlib import Path

from eagle_mllm.errors import EagleError

PIPE_PATIENCE = 60.0
"""Seconds that a pipe may keep silent."""

_CHUNK = 1 << 20
_BINARY = getattr(os, "O_BINARY", 0)
_LONGEST_REASON = 200


@contextmanager
def border(error: type[EagleError], what: str, *, advice: str) -> Iterator[None]:
    """Let nothing but errors of ours out of a reader: not its own, nor those of the interpreter.

    Running out of memory or of stack counts too: a small file can ask for either.

    >>> from eagle_mllm.errors import DataError
    >>> with border(DataError, "cannot read a.json", advice="fetch it again"):
    ...     int("seven")
    Traceback (most recent call last):
    eagle_mllm.errors.DataError: cannot read a.json: invalid literal for int() ...

    Args:
        error: what to raise in place of anything foreign
        what: the start of the message: what was attempted, with the file's name
        advice: its end: what to do

    Raises:
        EagleError: an error of ours as it is, a foreign one as `error`
    """
    try:
        yield
    except EagleError:
        raise
    except Exception as foreign:  # what a parser raises is nowhere complete
        raise error(f"{what}: {reason(foreign)}; {advice}") from foreign


def reason(error: BaseException) -> str:
    """Why something failed, in one line of at most 200 characters."""
    if isinstance(error, RecursionError):
        return "it nests too deeply"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    said = error.strerror if isinstance(error, OSError) else None
    line = " ".join((said or str(error)).split()).rstrip(".") or type(error).__name__
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}..."


def file_bytes(path: Path, *, limit: int) -> bytes:
    """The content of a file or of a pipe that ends.

    Args:
        path: where it is; `/dev/stdin` and `<(command)` of a shell are pipes
        limit: the most bytes to accept

    Raises:
        OSError: there is no such file, it may not be read, it is a folder or a device, holds more
            than `limit` bytes, or is a pipe that says nothing for a minute; also where the name
            itself is impossible (too long, a zero byte, no Unicode)
    """
    try:
        kind = path.stat().st_mode
    except ValueError as error:
        raise OSError(EINVAL, f"impossible file name ({reason(error)})") from error
    _require_content(kind)
    # A pipe without a writer would block in `open`; what it says is waited for below.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    try:
        return _content(descriptor, limit, is_pipe=stat.S_ISFIFO(kind))
    finally:
        os.close(descriptor)


def _require_content(kind: int) -> None:
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(EISDIR, "it is a folder")
    if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
        raise OSError(ENODEV, "it is a device, not a file")


def _content(descriptor: int, limit: int, *, is_pipe: bool) -> bytes:
    if not is_pipe and os.fstat(descriptor).st_size > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while chunk := _chunk(descriptor, is_pipe=is_pipe):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
    return b"".join(chunks)


def _chunk(descriptor: int, *, is_pipe: bool) -> bytes:
    if is_pipe and not select.select([descriptor], [], [], PIPE_PATIENCE)[0]:
        raise OSError(ENODATA, f"the pipe said nothing for {PIPE_PATIENCE:.0f} seconds")
    return os.read(descriptor, _CHUNK)


def _too_large(limit: int) -> OSError:
    return OSError(EFBIG, f"it holds more than {limit:,} bytes, which is not plausible")
