"""Writes the measured figures into the pages that show them, and draws the plot of the searches.

    python benchmarks/pages.py            renew tables and plot
    python benchmarks/pages.py --check    exit with 1 if a page and the results differ

A mark in a page is `<!-- name -->`; its table ends at `<!-- end -->`.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import batched
import comparisons
import faithful
import first
import gains
import hub_table
import long
import served
from store import RESULTS, ROOT, rows_of
from words import words_table

import tables
from tables import Table

PAGES = (
    "README.md",
    "docs/performance.md",
    "docs/runs.md",
    "docs/models.md",
    "docs/baselines.md",
    "docs/servers.md",
)
PLOT = "docs/images/search.png"
MISSING = "Not measured yet."

TABLES: dict[str, Callable[[Path], Table]] = {
    "accuracy": tables.accuracy_table,
    "evidence": tables.evidence_table,
    "pass": tables.pass_table,
    "explanation": tables.explanation_table,
    "speed": tables.speed_table,
    "pixels": tables.pixels_table,
    "batched": batched.batched_table,
    "growth": tables.growth_table,
    "memory": tables.memory_table,
    "startup": tables.startup_table,
    "first map": first.first_table,
    "wall": tables.wall_table,
    "searches": gains.search_table,
    **{
        f"{target} {count}": partial(gains.quality_table, target=target, regions_asked=count)
        for target in ("sentence", "word")
        for count in (64, 32, 128)
    },
    "words": words_table,
    "long": long.long_table,
    "batches": gains.batch_table,
    "gpu": tables.gpu_table,
    "faithful": faithful.faithful_table,
    "costs": comparisons.cost_table,
    "gpu costs": comparisons.gpu_cost_table,
    "errors": comparisons.variant_table,
    "pointing": comparisons.pointing_table,
    "machine of comparisons": partial(tables.machine_table, parts=("costs", "variants")),
    "runs": tables.machine_table,
    "stopped runs": tables.stop_table,
    "throughput": tables.throughput_table,
    "engines": served.agreement_table,
    "engines side by side": served.side_by_side_table,
    "engines interrupted": served.interruption_table,
    "machine of engines": partial(tables.machine_table, parts=("engines",)),
    "hub": hub_table.hub_table,
    "hub run": hub_table.hub_run_table,
    "machine of runs": partial(tables.machine_table, parts=("runs",)),
}
"""Name of a mark → its table."""

_MARKED = re.compile(r"(<!-- (?!end )([\w ]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def markdown(table: Table) -> str:
    """A Markdown table, or a line that says that there are no rows yet."""
    cells = table.columns.values()
    lines = [
        [cell.format_map(row) if isinstance(cell, str) else cell(row) for cell in cells]
        for row in table.rows
    ]
    if not lines:
        return MISSING
    head = [[*table.columns], ["---"] * len(cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in head + lines)


def renewed(page: str, results: Path = RESULTS) -> str:
    """The page with the table of each mark made anew."""

    def made(found: re.Match[str]) -> str:
        opening, name, end = found.groups()
        if name not in TABLES:
            raise SystemExit(f"unknown table {name!r}; choose from {', '.join(TABLES)}")
        return f"{opening}{markdown(TABLES[name](results))}\n{end}"

    return _MARKED.sub(made, page)


def require_every_table(pages: Iterable[str]) -> None:
    """A table that no page shows is a mark lost while editing."""
    shown = {name for page in pages for _, name, _ in _MARKED.findall(page)}
    if missing := sorted(TABLES.keys() - shown):
        raise SystemExit(f"no page of {', '.join(PAGES)} has a mark for {', '.join(missing)}")


def main() -> None:
    """Renew the pages or check them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    old = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    require_every_table(old.values())
    new = {name: renewed(page) for name, page in old.items()}
    stale = [name for name in PAGES if new[name] != old[name]]
    if check:
        sys.exit(f"{', '.join(stale)} not current; run benchmarks/pages.py" if stale else 0)
    for name in stale:
        (ROOT / name).write_text(new[name], encoding="utf-8")
    # No name of a program in the file: the same results give the same bytes.
    plot = gains.search_plot(rows_of(RESULTS / "quality.json"))
    plot.savefig(ROOT / PLOT, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
