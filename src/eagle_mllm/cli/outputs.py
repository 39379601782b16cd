"""The folder that a run writes to: all of its files appear, or none does."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eagle_mllm.attribution.atomic import cannot_write
from eagle_mllm.errors import ResultError

DEFAULT_ROOT = Path("eagle-out")
_OURS = ("explanation*.npz", "figure*.png", "report.html")


@dataclass(frozen=True)
class OutputFolder:
    """A folder for results, and the hidden place inside it where they are prepared."""

    folder: Path
    staging: Path

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Report a failed write under the place the user knows, not the hidden one."""
        try:
            yield
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        except ResultError as error:
            shown = str(error).replace(str(self.staging), str(self.folder))
            raise ResultError(shown) from error

    def publish(self) -> list[Path]:
        """Move every prepared file into the folder, in place of the results it held before.

        Returns:
            The files in their final places, sorted by name.

        Raises:
            ResultError: If a file cannot be moved.
        """
        prepared = sorted(self.staging.iterdir())
        names = {file.name for file in prepared}
        try:
            published = [file.replace(self.folder / file.name) for file in prepared]
            for stale in _results_in(self.folder):
                if stale.name not in names:
                    stale.unlink()
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        return published


@contextmanager
def output_folder(folder: Path, *, force: bool) -> Iterator[OutputFolder]:
    """A writable folder for results, tried out on entry and left as it was on failure.

    Raises:
        ResultError: If the folder cannot be made or written to, or holds results already and
            `force` is off.
    """
    if folder.suffix.lower() in {".npz", ".png", ".html", ".json"} and not folder.is_dir():
        raise ResultError(f"--out takes a folder, and {folder} is the name of a file")
    if not force and (held := _results_in(folder)):
        raise ResultError(
            f"{folder} already holds {held[0].name}; give --force to replace it, or another --out"
        )
    made = _make(folder)
    staging: Path | None = None
    try:
        try:
            staging = Path(tempfile.mkdtemp(prefix=".eagle-", dir=folder))
        except OSError as error:
            raise cannot_write(folder, error) from error
        yield OutputFolder(folder, staging)
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for created in made:
            with suppress(OSError):  # it holds the results, and stays
                created.rmdir()


def default_folder(name: str, *, force: bool) -> Path:
    """`eagle-out/<name>`, or the next of `<name>-2`, `<name>-3`, ... that holds no results."""
    number = 1
    folder = first = DEFAULT_ROOT / (slug(name) or "image")
    while not force and _results_in(folder):
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder


def require_free(path: Path, *, force: bool) -> None:
    """Refuse to replace a file unless told to.

    Raises:
        ResultError: If `path` exists and `force` is off.
    """
    if not force and path.exists():
        raise ResultError(f"{path} exists already; give --force to replace it, or another name")


def slug(text: str) -> str:
    """A short piece of a file name: letters and digits of any script, joined by hyphens."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")[:40].rstrip("-")


def _results_in(folder: Path) -> list[Path]:
    return sorted(file for pattern in _OURS for file in folder.glob(pattern))


def _make(folder: Path) -> list[Path]:
    """Create the folder and what is missing above it; returns what was created, deepest first."""
    missing = []
    for place in (folder, *folder.parents):
        if place.exists():
            break
        missing.append(place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return missing
