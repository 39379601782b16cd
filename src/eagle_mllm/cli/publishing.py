"""How finished results come into their folder: all of them, or none, whatever stops us.

A new folder is put in place in one step, so nothing can cut it in half. A folder that exists takes
four steps, each of which either happens or does not:

1. The hidden folder of the finished files gets the ending `.ready`. Before that, a process that is
   killed has changed nothing; after it, the next command in the folder finishes its work.
2. The results that are to be replaced move away into `.ready/old`, the page first.
3. `old` is renamed to `replaced`: none of the old results is left in the folder.
4. The new files move in, the page last: a folder that holds a page is complete.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from eagle_mllm.attribution.atomic import place_new
from eagle_mllm.cli.claims import owned

PAGE = "report.html"
AUDIT = "audit.json"
DIAGNOSIS = "diagnosis.npz"
_RESULTS = ("explanation*.npz", AUDIT, DIAGNOSIS, "figure*.png", PAGE)
_READY, _OLD, _REPLACED = ".ready", "old", "replaced"


def results_in(folder: Path) -> list[Path]:
    """The results that a folder holds, sorted by name."""
    return sorted(file for pattern in _RESULTS for file in folder.glob(pattern))


def replaced_by(folder: Path, writes: Sequence[str]) -> list[Path]:
    """What a run that also writes files of these names would replace in a folder."""
    others = {path for name in writes if os.path.lexists(path := folder / name)}
    return sorted(others.union(results_in(folder)))


def publish(staging: Path, folder: Path, *, force: bool) -> None:
    """Move the files of `staging` into `folder`; what is there already stays if that fails.

    Args:
        staging: a folder that holds finished files and nothing else, on the same file system
        folder: where they go
        force: whether results in `folder`, and files of the same names, are replaced

    Raises:
        FileExistsError: `folder` holds something that would be replaced, and `force` is off
        OSError: a file cannot be moved
    """
    if staging.parent == folder.parent:
        with suppress(OSError):  # no longer empty
            staging.rename(folder)
            return
        staging = staging.rename(folder / staging.name)
    names = [path.name for path in staging.iterdir()]
    if not force and replaced_by(folder, names):
        raise FileExistsError
    (staging / (_OLD if force else _REPLACED)).mkdir()
    ready = staging.rename(staging.with_suffix(_READY))
    try:
        _finish(ready, folder)
    finally:
        _discard(ready)


def finish_publishing(folder: Path) -> None:
    """Finish what a process was doing that was killed while it published into a folder of ours."""
    for ready in folder.glob(f".eagle-*{_READY}"):
        with suppress(OSError), owned(ready) as is_ours:
            if is_ours:
                _finish(ready, folder)
                _discard(ready)


def _finish(ready: Path, folder: Path) -> None:
    """Steps 2 to 4, from wherever they stopped.

    Raises:
        OSError: a file cannot be moved; those that were moved here are back where they were
    """
    undo: list[tuple[Path, Path]] = []
    try:
        if (ready / _OLD).is_dir():
            for old in _page_first(replaced_by(folder, [file.name for file in _files(ready)])):
                undo.append((old.rename(ready / _OLD / old.name), old))
            undo.append(((ready / _OLD).rename(ready / _REPLACED), ready / _OLD))
        for new in reversed(_page_first(_files(ready))):
            place_new(new, folder / new.name)
            undo.append((folder / new.name, new))
    except OSError:
        for here, there in reversed(undo):
            with suppress(OSError):
                here.rename(there)
        raise


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _page_first(files: Sequence[Path]) -> list[Path]:
    return sorted(files, key=lambda path: path.name != PAGE)


def _discard(ready: Path) -> None:
    """Delete what is left, unless it holds old results that could not be put back."""
    if not any((ready / _OLD).glob("*")):
        shutil.rmtree(ready, ignore_errors=True)
