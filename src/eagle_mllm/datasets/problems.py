"""What is wrong with data: one value for each thing."""

from dataclasses import dataclass
from typing import Literal

ProblemKind = Literal[
    "missing image",
    "unreadable image",
    "malformed row",
    "unknown category",
    "repeated sample",
    "unnamed object",
    "differing ids",
    "disputed label",
    "unreadable file",
]
"""`differing ids` and `disputed label` are notes: their samples stay. All others cost a sample."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something stands."""

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
    """Something that keeps a sample from being used, or that one should know about it."""

    kind: ProblemKind
    place: Place
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.advice}"
