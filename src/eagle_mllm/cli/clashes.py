"""Files that must not be one and the same: what a command reads, and each thing that it writes."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from eagle_mllm.errors import ResultError


def require_apart(writes: Mapping[str, Path], reads: Iterable[Path]) -> None:
    """Refuse to write over what is read, or two results into one file, whatever `--force` says.

    Args:
        writes: option → the file that it names
        reads: what the command reads: files, or folders with all that is in them

    Raises:
        ResultError: two of them are the same file, also by a link or another spelling
    """
    read = list(reads)
    for option, path in writes.items():
        if any(_same(path, other) for other in read):
            raise ResultError(
                f"{option} {path} is what this command reads; give {option} another name"
            )
    for (first, path), (second, other) in combinations(writes.items(), 2):
        if _same(path, other):
            raise ResultError(
                f"{first} {path} and {second} {other} are the same file; give one another name"
            )


def require_not_replaced(reads: Iterable[Path], *, by: Sequence[Path]) -> None:
    """Refuse to replace results in a folder that the run itself reads.

    Raises:
        ResultError: one of the files to replace is read
    """
    for path in reads:
        for old in by:
            if _same(path, old):
                raise ResultError(
                    f"{old} would be replaced, and this command reads it; give another --out"
                )


def _same(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file, or would if they existed."""
    if first.exists() and second.exists():
        return first.samefile(second)
    return _folded(first) == _folded(second)


def _folded(path: Path) -> str:
    """The path without links, and without what some file systems do not tell apart."""
    return unicodedata.normalize("NFC", str(path.resolve())).casefold()
