"""The folder that a run writes to: all of its files appear, or none does."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from errno import ENOTDIR
from itertools import count
from pathlib import Path

from eagle_mllm.attribution.atomic import cannot_write
from eagle_mllm.cli.claims import Claim, claim, clear_leftovers, staging_folder
from eagle_mllm.cli.clashes import require_not_replaced
from eagle_mllm.cli.publishing import finish_publishing, publish, replaced_by
from eagle_mllm.cli.signals import signals_deferred, tidy_stack
from eagle_mllm.errors import ResultError

DEFAULT_ROOT = Path("eagle-out")
_FILE_ENDINGS = {".npz", ".png", ".html", ".json"}
_ATTEMPTS = 10


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the files of a run go."""

    folder: Path

    force: bool = False
    """Whether results that the folder holds already are replaced."""

    is_numbered: bool = False
    """Whether folder-2, folder-3, ... will do as well where the folder is taken."""


@dataclass(frozen=True)
class OutputFolder:
    """A folder for results, and the hidden place where they are prepared."""

    folder: Path

    staging: Path
    """Where files are written first, on the same file system."""

    force: bool
    """Whether results in the folder are replaced."""

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

    def publish(self) -> None:
        """Move every prepared file into the folder, in place of the results it held before.

        Raises:
            ResultError: a file cannot be moved, or something took its place in the meantime
        """
        try:
            with signals_deferred():
                publish(self.staging, self.folder, force=self.force)
        except FileExistsError as error:
            raise ResultError(
                f"{self.folder} was filled by something else in the meantime; "
                "run again with another --out"
            ) from error
        except OSError as error:
            raise cannot_write(self.folder, error) from error


def place_for(out: Path | None, *, name: str, force: bool) -> Place:
    """The folder that was asked for, else a free one of `eagle-out/<name>`, `<name>-2`, ...

    Args:
        out: what the user asked for
        name: what the default folder is named after
        force: whether results are replaced
    """
    if out is not None:
        return Place(folder=out, force=force)
    return Place(folder=DEFAULT_ROOT / (slug(name) or "image"), force=force, is_numbered=True)


@contextmanager
def output_folder(
    place: Place, *, reads: Sequence[Path] = (), writes: Sequence[str] = ()
) -> Iterator[OutputFolder]:
    """A writable folder for results, ours alone until the block ends and as it was on failure.

    Args:
        place: where
        reads: files that the run reads, which it must not replace
        writes: names of files that will be written besides the results

    Raises:
        ResultError: the folder cannot be made or written to, another process is writing to it, or
            it holds results and `force` is off; or results to replace are read by this run
    """
    with tidy_stack() as stack:
        try:
            _require_folder_name(place.folder)
            with signals_deferred():
                folder, staging = _prepared(place, reads, writes, stack)
        except OSError as error:
            raise cannot_write(place.folder, error) from error
        yield OutputFolder(folder, staging, place.force)


def _prepared(
    place: Place, reads: Sequence[Path], writes: Sequence[str], stack: ExitStack
) -> tuple[Path, Path]:
    """The folder, claimed, and the hidden one for its files; `stack` undoes both."""
    own = _own_folder(place, writes)
    stack.callback(own.abandon)
    require_not_replaced(reads, by=replaced_by(own.folder, writes))
    clear_leftovers(own.folder.parent)
    # A folder that is new can be put in place in one step, which cannot be cut in half.
    is_new = own.is_new or (place.is_numbered and _is_plain_and_empty(own.folder))
    parent = own.folder.parent if is_new else own.folder
    return own.folder, stack.enter_context(staging_folder(parent))


def _require_folder_name(folder: Path) -> None:
    if folder.suffix.lower() in _FILE_ENDINGS and not folder.is_dir():
        raise ResultError(f"--out takes a folder, and {folder} is the name of a file")


@dataclass(frozen=True)
class _OwnFolder:
    """A folder that this process has claimed, and what it had to create for it."""

    folder: Path
    claim: Claim
    created: tuple[Path, ...]

    @property
    def is_new(self) -> bool:
        return self.folder in self.created

    def abandon(self) -> None:
        """Remove what was created, unless it holds something by now, and let others have it."""
        for created in self.created:
            _remove(created)
        self.claim.release()


def _own_folder(place: Place, writes: Sequence[str]) -> _OwnFolder:
    """The place itself, or the first numbered one that can be claimed and holds no results."""
    numbers = count(1) if place.is_numbered else (1,)
    for folder in (_numbered(place.folder, number) for number in numbers):
        own = _claimed(folder)
        if own is None:
            taken = ResultError(
                f"{folder} is being written by another command; wait for it, or give another --out"
            )
            continue
        held = [] if place.force else replaced_by(folder, writes)
        if not held and (own.is_new or own.claim.is_certain or not place.is_numbered):
            return own
        own.abandon()
        taken = ResultError(
            f"{folder} already holds {held[0].name if held else 'a run'}; "
            "give --force to replace it, or another --out"
        )
    raise taken


def _numbered(folder: Path, number: int) -> Path:
    return folder if number == 1 else folder.with_name(f"{folder.name}-{number}")


def _claimed(folder: Path) -> _OwnFolder | None:
    """Create and claim a folder; None if another process has it."""
    for _ in range(_ATTEMPTS):
        # A process that gives up removes what it created, perhaps just before we enter it.
        with suppress(FileNotFoundError):
            return _tried(folder)
    raise ResultError(f"cannot write {folder}: it vanishes as soon as it is made; try again")


def _tried(folder: Path) -> _OwnFolder | None:
    with ExitStack() as undoing:
        created = _create(folder, undoing)
        claimed = claim(folder)
        if claimed is None:
            return None
        undoing.pop_all()
    if claimed.is_certain:
        finish_publishing(folder)
        clear_leftovers(folder)
    return _OwnFolder(folder, claimed, created)


def _create(folder: Path, undoing: ExitStack) -> tuple[Path, ...]:
    """Create the folder and what is missing above it; returns what was created, deepest first."""
    missing = [place for place in (folder, *folder.parents) if not place.is_dir()]
    created: list[Path] = []
    for place in reversed(missing):
        try:
            place.mkdir()
        except FileExistsError:
            if not place.is_dir():
                raise NotADirectoryError(ENOTDIR, f"{place} is a file") from None
        else:
            created.insert(0, place)
            undoing.callback(_remove, place)
    return tuple(created)


def _is_plain_and_empty(folder: Path) -> bool:
    return not folder.is_symlink() and not any(folder.iterdir())


def _remove(folder: Path) -> None:
    with suppress(OSError):  # it holds something by now
        folder.rmdir()


def slug(text: str) -> str:
    """A short piece of a file name: letters and digits of any script, joined by hyphens."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")[:40].rstrip("-")
