"""The gap against the passes of every search, one panel for each demo model and target.

python benchmarks/plots.py     draws docs/images/search.png from benchmarks/results/quality.json
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gains import Gain, gains
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from names import FAMILIES
from searches import EXACT
from store import Row, rows_of

ROOT = Path(__file__).parents[1]
TARGETS = {"sentence": "whole caption", "word": "one word"}

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color), told apart under every common colour
# blindness; yellow is left out, it is too faint for a small mark. Marks repeat at another pace.
_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "h")


def search_plot(rows: list[Row], *, regions_asked: int = 64) -> Figure:
    """Mean gap (insertion AUC − deletion AUC) over passes, on a log scale.

    Bars are the 95 % interval of the share of exact greedy's gap, times that gap: how sure the
    distance to the dashed line is. What scenes differ in, they differ in for both searches.

    Args:
        rows: of `quality.json`.
        regions_asked: N.
    """
    with style.context(["default", {"font.size": 9, "axes.linewidth": 0.8}]):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        axes = figure.subplots(len(TARGETS), len(FAMILIES), squeeze=False, sharex=True)
        labels = list(dict.fromkeys(row["search"] for row in rows))
        marks = {
            label: {
                "color": _COLOURS[index % len(_COLOURS)],
                "marker": _MARKS[index % len(_MARKS)],
            }
            for index, label in enumerate(labels)
        }
        for row, target in enumerate(TARGETS):
            for column, family in enumerate(FAMILIES):
                found = gains(rows, target=target, regions_asked=regions_asked, family=family)
                _draw(axes[row, column], found, marks)
                samples = max((gain.samples for gain in found), default=0)
                axes[row, column].set_title(
                    f"{FAMILIES[family]}, {TARGETS[target]} (n = {samples})", fontsize=9
                )
        for row in range(len(TARGETS)):
            axes[row, 0].set_ylabel("insertion AUC − deletion AUC")
        for column in range(len(FAMILIES)):
            axes[-1, column].set_xlabel("passes (images scored)")
        handles = {
            handle.get_label(): handle
            for panel in axes.flat
            for handle in panel.get_legend_handles_labels()[0]
        }
        if handles:
            figure.legend(
                handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False
            )
        return figure


def _draw(panel: Axes, found: list[Gain], marks: Mapping[str, Mapping[str, Any]]) -> None:
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.grid(alpha=0.25)
    for gain in found:
        exact = gain.gap / gain.share
        low, high = (exact * bound for bound in gain.share_interval)
        panel.errorbar(
            gain.passes,
            gain.gap,
            # An interval need not hold the mean of very few samples.
            yerr=[[max(gain.gap - low, 0.0)], [max(high - gain.gap, 0.0)]],
            label=gain.search,
            linestyle="none",
            markersize=6,
            capsize=2,
            elinewidth=1,
            **marks[gain.search],
        )
        if gain.search == EXACT:
            panel.axhline(gain.gap, color="#6b697a", linewidth=0.8, linestyle="--")


def main() -> None:
    """Draw the plot of the committed results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    results = ROOT / "benchmarks" / "results" / "quality.json"
    parser.add_argument("--results", type=Path, default=results)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "search.png")
    arguments = parser.parse_args()
    rows = rows_of(arguments.results)
    if not rows:
        raise SystemExit(f"{arguments.results} holds no rows; run `bench.py quality` first")
    # No name of a program in the file: the same results give the same bytes.
    search_plot(rows).savefig(arguments.out, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
