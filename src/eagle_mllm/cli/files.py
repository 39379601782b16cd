"""Single files that a command writes where it is told: all of them, or none."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eagle_mllm.attribution.atomic import cannot_write, place_new, require_place
from eagle_mllm.cli.claims import staging_folder
from eagle_mllm.cli.clashes import require_apart
from eagle_mllm.cli.signals import signals_deferred, tidy_stack
from eagle_mllm.errors import ResultError


@dataclass(frozen=True)
class _Output:
    """A file to write: the name that the user gave, its real place, where it is prepared."""

    shown: Path
    target: Path
    staged: Path


@contextmanager
def output_files(
    writes: Mapping[str, Path], *, reads: Iterable[Path] = (), force: bool
) -> Iterator[dict[str, Path]]:
    """Hidden places to write files to, which take their real places when the block succeeds.

    Args:
        writes: option → the file that it names
        reads: what the command reads, which it must not replace
        force: whether files that exist are replaced

    Yields:
        Option → where to write it; the ending is that of the real name.

    Raises:
        ResultError: a file exists and `force` is off, now or at the end; it cannot be written; or
            two of the files written and read are the same
    """
    _check(writes, reads, force=force)
    with tidy_stack() as stack:
        with signals_deferred():
            outputs = {option: _prepared(path, stack) for option, path in writes.items()}
        with _reported(outputs.values()):
            yield {option: output.staged for option, output in outputs.items()}
            with signals_deferred():
                _publish(list(outputs.values()), force=force)


def _check(writes: Mapping[str, Path], reads: Iterable[Path], *, force: bool) -> None:
    for path in writes.values():
        try:
            require_place(path)
            if not force and path.exists():
                raise _exists(path)
        except OSError as error:
            raise cannot_write(path, error) from error
    require_apart(writes, reads)


def _prepared(path: Path, stack: ExitStack) -> _Output:
    target = require_place(path)
    try:
        staging = stack.enter_context(staging_folder(target.parent))
        for name in ("new", "old"):
            (staging / name).mkdir()
    except OSError as error:
        raise cannot_write(path, error) from error
    return _Output(path, target, staging / "new" / target.name)


@contextmanager
def _reported(outputs: Iterable[_Output]) -> Iterator[None]:
    """Report a failure under the names that the user knows, not the hidden ones."""
    try:
        yield
    except ResultError as error:
        message = str(error)
        for output in outputs:
            message = message.replace(str(output.staged), str(output.shown))
        raise ResultError(message) from error


def _publish(outputs: list[_Output], *, force: bool) -> None:
    done: list[_Output] = []
    for output in outputs:
        try:
            _place(output, force=force)
        except OSError as error:
            for earlier in reversed(done):
                _take_back(earlier)
            if isinstance(error, FileExistsError):
                raise _exists(output.shown) from error
            raise cannot_write(output.shown, error) from error
        done.append(output)


def _place(output: _Output, *, force: bool) -> None:
    if not force:
        place_new(output.staged, output.target)
        return
    with suppress(OSError):  # there is none, or the file system has no links
        os.link(output.target, _old(output))
    output.staged.replace(output.target)


def _take_back(output: _Output) -> None:
    with suppress(OSError):
        output.target.unlink()
        _old(output).rename(output.target)


def _old(output: _Output) -> Path:
    return output.staged.parent.with_name("old") / output.staged.name


def _exists(path: Path) -> ResultError:
    return ResultError(f"{path} exists already; give --force to replace it, or another name")
