"""What is wrong with data: one value for each problem."""

from dataclasses import dataclass
from typing import Literal

ProblemKind = Literal[
    "missing image",
    "unreadable image",
    "turned image",
    "other size",
    "malformed row",
    "unknown category",
    "repeated sample",
    "unnamed object",
    "dropped piece",
    "differing ids",
    "disputed label",
    "unreadable file",
]
"""`dropped piece`, `differing ids` and `disputed label` are notes: their samples stay. All others
cost a sample."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is written."""

    file: str
    line: int | None = None
    """Line of a text file, counted from 1."""
    entry: str | None = None
    """Entry of a JSON document, such as `annotations[3]`; list indices count from 0."""

    def __str__(self) -> str:
        if self.line is not None:
            return f"{self.file}:{self.line}"
        return f"{self.file}: {self.entry}" if self.entry is not None else self.file


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a sample was skipped, or a caveat about one that was kept."""

    kind: ProblemKind
    place: Place
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.advice}"
