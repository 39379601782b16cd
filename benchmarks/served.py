"""The tables of served models."""

from pathlib import Path

from store import Row, rows_of

from eagle_mllm.loading import DEMO_TITLES, DEMOS
from tables import Table

_CUT = "requests_cut_resumed_repeated"


def agreement_table(results: Path) -> Table:
    """How far probabilities on a server are from those in this process."""
    return Table(
        {
            "engine": "{engine}",
            "model": _name,
            "largest difference": "{largest:.1e}",
            "mean difference": "{mean:.1e}",
            "same most probable token": "{same_arg_max:.1%}",
            "noise": "{noise:.1e}",
            "passes/s, served": "{served_per_second:.1f}",
            "passes/s, in process, one at a time": "{local_per_second:.1f}",
            "load of the machine": "{load:.0f}",
        },
        rows_of(results / "engines.json"),
    )


def side_by_side_table(results: Path) -> Table:
    """One caption explained on a server and in this process."""
    return Table(
        {
            "engine": "{engine}",
            "model": _name,
            "order, served": lambda row: _order(row, 0),
            "order, in process": lambda row: _order(row, 1),
            "insertion AUC": lambda row: _both(row, "insertion_auc"),
            "deletion AUC": lambda row: _both(row, "deletion_auc"),
        },
        rows_of(results / "engines.json"),
    )


def interruption_table(results: Path) -> Table:
    """Requests of an explanation that was cut, started again, and repeated; of servers alone."""

    def requests(number: int) -> str:
        return f"{{{_CUT}[{number}]}}"

    return Table(
        {
            "engine": "{engine}",
            "model": _name,
            "images to score": "{passes[0]}",
            "requests until it was cut": requests(0),
            "requests to finish it": requests(1),
            "requests to repeat it": requests(2),
        },
        [row for row in rows_of(results / "engines.json") if _CUT in row],
    )


def _name(row: Row) -> str:
    return DEMO_TITLES[DEMOS[row["model"]]]


def _order(row: Row, side: int) -> str:
    return " ".join(map(str, row["orders"][side]))


def _both(row: Row, name: str) -> str:
    return " / ".join(f"{value:.4f}" for value in row[name])
