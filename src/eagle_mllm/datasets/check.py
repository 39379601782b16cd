"""What a path holds: which data sets, how much of them can be used, and what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eagle_mllm.borders import border
from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.images import image_folder
from eagle_mllm.datasets.problems import Place, Problem
from eagle_mllm.datasets.recognition import ENDINGS, READERS, DataKind, recognise
from eagle_mllm.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Found:
    """One annotation file that was recognised."""

    kind: DataKind
    file: Path
    data: DataSet


@dataclass(frozen=True, kw_only=True)
class Check:
    """Everything that was found at a path."""

    root: Path
    found: tuple[Found, ...]
    broken: tuple[Problem, ...]
    """Files that have a data set's ending and cannot be read."""
    other: tuple[Path, ...]
    """Files that have a data set's ending and are something else."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of broken files first, then of each data set in turn."""
        return (*self.broken, *(one for found in self.found for one in found.data.problems))

    @property
    def is_usable(self) -> bool:
        """Whether there is any sample at all."""
        return any(len(found.data) for found in self.found)


def check(path: Path | str, *, images: Path | str | None = None) -> Check:
    """Recognise and read every data set at a path.

    Args:
        path: an annotation file, a data set's folder, or a folder of such folders
        images: where all images are; by default each data set looks near its annotations

    Raises:
        DataError: there is no such path, or no such image folder
    """
    root = Path(path).expanduser()
    with border(DataError, f"cannot look at {root}", advice="give a data set's folder or file"):
        if not root.exists():
            raise DataError(f"there is no {root}; give a data set's folder or annotation file")
        return _checked(root, images)


def _checked(root: Path, images: Path | str | None) -> Check:
    image_folder(images, near=root, usual=("images",))  # said to be somewhere, it must exist
    found: list[Found] = []
    broken: list[Problem] = []
    other: list[Path] = []
    for file in _candidates(root):
        try:
            kind = recognise(file)
            if kind is None:
                other.append(file)
                continue
            data = READERS[kind](file, images=images)
            found.append(Found(kind=kind, file=file, data=data))
        except DataError as error:
            broken.append(_unreadable(file, error))
    return Check(root=root, found=tuple(found), broken=tuple(broken), other=tuple(other))


def _candidates(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for file in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if file.suffix.lower() in ENDINGS and file.is_file() and not hidden:
            yield file


def _unreadable(file: Path, error: DataError) -> Problem:
    return Problem(
        kind="unreadable file",
        place=Place(file=str(file)),
        what=str(error).removeprefix(f"{file}:").strip(),
        advice="nothing of it is used",
    )
