"""A table as a value: its rows and what is in their cells. It does not draw itself.

Labels, title and footer hold foreign words: names of models, data sets and runs. Whatever they
are, a table holds them as one printable line each, so that a writer need only escape what its own
format gives a meaning to.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from eagle_mllm.metrics.summary import Summary
from eagle_mllm.printable import printable

_ALWAYS_SHOWN = ("model", "method")


class Labels(NamedTuple):
    """What was run, in the words of a table."""

    task: str
    data: str
    model: str
    method: str
    search: str
    objective: str
    regions: str
    run: str
    """Folder of the run; it tells apart what is equal in all else."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One measure."""

    measure: str
    """Key in the measures of a record."""

    heading: str

    better: Literal["higher", "lower"] | None = None
    """Which way is better; None for what is only reported."""

    decimals: int = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting, or the difference of two, over its samples."""

    labels: Labels
    """In a row of differences, `a − b` where the two differ."""

    n_samples: int
    """How many samples were explained; for a difference, by both."""

    cells: tuple[Summary, ...]
    """One for each column."""

    best: tuple[bool, ...]
    """Whether a cell beats every comparable row: the interval of each paired difference excludes
    0."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", Labels(*map(printable, self.labels)))


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of the paper, from runs."""

    name: str
    """Short name for command lines and LaTeX labels."""

    title: str

    columns: tuple[Column, ...]

    rows: tuple[Row, ...]

    differences: tuple[Row, ...]
    """First minus second on the same samples, for every two comparable rows."""

    footer: str
    """What became of the samples, failures and those without anything to explain included."""

    def __post_init__(self) -> None:
        for name in ("title", "footer"):
            object.__setattr__(self, name, printable(getattr(self, name)))

    @property
    def shown_labels(self) -> tuple[str, ...]:
        """The labels that a reader needs to tell the rows apart, and model and method always."""
        shown = [
            name for name in Labels._fields[:-1] if name in _ALWAYS_SHOWN or self._varies(name)
        ]
        told_apart = {tuple(getattr(row.labels, name) for name in shown) for row in self.rows}
        return tuple(shown) if len(told_apart) == len(self.rows) else (*shown, "run")

    @property
    def note(self) -> str:
        """How to read it, and what all rows have in common."""
        shared = [
            f"{name} {getattr(self.rows[0].labels, name)}"
            for name in Labels._fields[:-1]
            if name not in self.shown_labels
        ]
        return (
            f"All rows: {', '.join(shared)}. Mean over samples ± half the width of its bootstrap "
            "95 % interval. Bold: better than every other row of the same model and data on the "
            "same samples, by a paired difference whose 95 % interval excludes 0; where nothing "
            "is bold, nothing is known to be best."
        )

    def _varies(self, name: str) -> bool:
        return len({getattr(row.labels, name) for row in self.rows}) > 1
