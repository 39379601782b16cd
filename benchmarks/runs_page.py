"""Markdown tables of `docs/runs.md`, from the rows of `runs.json`."""

from collections.abc import Sequence
from pathlib import Path

from performance import table
from store import Row, rows_of

from runs import STOPS, THROUGHPUT


def stop_table(results: Path) -> str:
    """What each way to stop a run has cost."""
    return table(
        (
            "stopped by",
            "samples",
            "there at the stop",
            "lost",
            "made after it",
            "explained",
            "starts",
            "processes",
            "equal to the byte",
        ),
        [
            (
                row["case"],
                str(row["samples"]),
                str(row["there"]),
                str(row["lost"]),
                str(row["made_after"]),
                str(row["explained"]),
                str(row["starts"]),
                str(row["processes"]),
                _yes(row),
            )
            for row in rows_of(results / "runs.json")
            if row["case"] in STOPS
        ],
    )


def throughput_table(results: Path) -> str:
    """Samples a minute of each side, one figure a turn."""
    return table(
        ("", "samples", "regions", "working, a minute", "in all, a minute", "equal to the byte"),
        [
            (
                side,
                str(row["samples"]),
                str(row["regions"]),
                _turns([turn["working"] for turn in turns]),
                _turns([turn["in_all"] for turn in turns]),
                _yes(row),
            )
            for row in rows_of(results / "runs.json")
            if row["case"] == THROUGHPUT
            for side, turns in row["sides"].items()
        ],
    )


def _turns(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def _yes(row: Row) -> str:
    return "yes" if row["equal"] else "**no**"
