"""What each search is worth against exact greedy: numbers, tables and a plot of `quality.json`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, ScalarFormatter
from scipy.stats import bootstrap
from searches import EXACT, computed
from store import Row, rows_of

from eagle_mllm.loading import DEMO_TITLES
from tables import Cell, Table

_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Means of one search over the samples that exact greedy has too."""

    search: str
    samples: int
    passes: float
    insertion: float
    deletion: float
    gap: float
    share: float
    """Mean gap as a share of exact greedy's."""
    share_interval: tuple[float, float]
    """95 %, by a bootstrap that draws samples with both searches; NaN for fewer than two."""


def gains(
    rows: Iterable[Row],
    *,
    target: str,
    regions_asked: int = 64,
    dtype: str = "float32",
    model: str | None = None,
) -> list[Gain]:
    """A gain for each search, in the order of the file; none without exact greedy.

    Args:
        rows: of `quality.json`
        target: "sentence" or "word"
        regions_asked: N
        dtype: precision of the models
        model: one demo model; None pools all of them, each sample with equal weight
    """
    by_search: dict[str, dict[tuple[str, int], Row]] = {}
    for row in rows:
        question = (row["target"], row["regions_asked"], row["dtype"])
        if question == (target, regions_asked, dtype) and model in (None, row["model"]):
            by_search.setdefault(row["search"], {})[row["model"], row["seed"]] = row
    exact = by_search.get(EXACT, {})
    return [
        _gain(search, [(own[sample], exact[sample]) for sample in own if sample in exact])
        for search, own in by_search.items()
        if own.keys() & exact.keys()
    ]


def _gain(search: str, pairs: Sequence[tuple[Row, Row]]) -> Gain:
    columns = ("passes", "insertion", "deletion", "gap")
    own = {name: np.array([row[name] for row, _ in pairs], dtype=float) for name in columns}
    exact = np.array([row["gap"] for _, row in pairs], dtype=float)
    means = {name: float(values.mean()) for name, values in own.items()}
    return Gain(
        search=search,
        samples=len(pairs),
        share=means["gap"] / float(exact.mean()),
        share_interval=_interval(own["gap"], exact),
        **means,
    )


def _interval(
    values: Float[np.ndarray, " samples"], others: Float[np.ndarray, " samples"]
) -> tuple[float, float]:
    """Of the ratio of the two means, samples drawn together."""
    if len(values) < 2:
        return float("nan"), float("nan")
    found = bootstrap(
        (values, others),
        lambda one, other, axis: one.mean(axis=axis) / other.mean(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=_RESAMPLES,
        rng=np.random.default_rng(0),
    )
    low, high = found.confidence_interval
    return float(low), float(high)


# --- tables -- ------------------------------------------------------------------------------------


def quality_table(results: Path, *, target: str, regions_asked: int) -> Table:
    """Every search for one target and number of regions."""
    rows = rows_of(results / "quality.json")
    found = partial(gains, rows, target=target, regions_asked=regions_asked)
    of_model = {name: {gain.search: gain for gain in found(model=name)} for name in DEMO_TITLES}
    columns: dict[str, Cell] = {
        "search": "{search}",
        "n": "{samples}",
        "passes": "{passes:.0f}",
        "ins ↑": "{insertion:.3f}",
        "del ↓": "{deletion:.3f}",
        "gap ↑": "{gap:.3f}",
        "share of exact": share,
        **{title: _share_of(of_model[name]) for name, title in DEMO_TITLES.items()},
    }
    return Table(columns, map(asdict, found()))


def _share_of(known: Mapping[str, Gain]) -> Callable[[Row], str]:
    return lambda row: f"{known[row['search']].share:.1%}" if row["search"] in known else "–"


def search_table(results: Path) -> Table:
    """The README's: passes and quality of every search for captions and for words, 64 regions."""
    rows = rows_of(results / "quality.json")
    words = {gain.search: asdict(gain) for gain in gains(rows, target="word")}
    columns: dict[str, Cell] = {
        "search": "{search}",
        "n": lambda row: f"{row['samples']}, {words[row['search']]['samples']}",
        "caption: passes": "{passes:.0f}",
        "caption: share": share,
        "word: passes": lambda row: f"{words[row['search']]['passes']:.0f}",
        "word: share": lambda row: share(words[row["search"]]),
    }
    captions = map(asdict, gains(rows, target="sentence"))
    return Table(columns, (row for row in captions if row["search"] in words))


def share(gain: Mapping[str, float] | None) -> str:
    """A share of exact greedy's gap with its interval, as in "99.1% [98.2, 100.3]"."""
    if gain is None:
        return "–"
    low, high = (100 * bound for bound in gain["share_interval"])
    return f"{gain['share']:.1%} [{low:.1f}, {high:.1f}]"


def batch_table(results: Path) -> Table:
    """Images computed for each that a search asks for, by batch size."""
    columns: dict[str, Cell] = {
        "search": "{search}",
        "asks for": lambda row: str(computed(row["asked"], 1)),
        "scans": lambda row: str(sum(row["asked"].values())),
        **{f"batch {size}": partial(_padding, size=size) for size in (1, 4, 8, 16, 32)},
    }
    return Table(columns, rows_of(results / "batches.json"))


def _padding(row: Row, *, size: int) -> str:
    return f"{computed(row['asked'], size) / computed(row['asked'], 1):.2f}"


# --- plot ----------------------------------------------------------------------------------------

TARGETS = {"sentence": "whole caption", "word": "one word"}

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color), told apart under every common colour
# blindness; yellow is left out, it is too faint for a small mark. Marks repeat at another pace.
_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "h")


def search_plot(rows: list[Row], *, regions_asked: int = 64) -> Figure:
    """Share of exact greedy's mean gap over passes, on a log scale, with its 95 % interval.

    A share is of the same samples for both, so that searches that were measured on different
    scenes can stand in one panel; gaps could not.

    Args:
        rows: of `quality.json`
        regions_asked: N
    """
    with style.context(["default", {"font.size": 9, "axes.linewidth": 0.8}]):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        axes = figure.subplots(len(TARGETS), len(DEMO_TITLES), squeeze=False, sharex=True)
        labels = list(dict.fromkeys(row["search"] for row in rows))
        marks = {
            label: {
                "color": _COLOURS[index % len(_COLOURS)],
                "marker": _MARKS[index % len(_MARKS)],
            }
            for index, label in enumerate(labels)
        }
        for row, target in enumerate(TARGETS):
            for column, model in enumerate(DEMO_TITLES):
                found = gains(rows, target=target, regions_asked=regions_asked, model=model)
                _draw(axes[row, column], found, marks)
                samples = max((gain.samples for gain in found), default=0)
                axes[row, column].set_title(
                    f"{DEMO_TITLES[model]}, {TARGETS[target]} (n = {samples})", fontsize=9
                )
        for row in range(len(TARGETS)):
            axes[row, 0].set_ylabel("share of exact greedy's gap")
        for column in range(len(DEMO_TITLES)):
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
    panel.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    panel.grid(alpha=0.25)
    for gain in found:
        low, high = gain.share_interval
        panel.errorbar(
            gain.passes,
            gain.share,
            # An interval need not hold the mean of very few samples.
            yerr=[[max(gain.share - low, 0.0)], [max(high - gain.share, 0.0)]],
            label=gain.search,
            linestyle="none",
            markersize=6,
            capsize=2,
            elinewidth=1,
            **marks[gain.search],
        )
        if gain.search == EXACT:
            panel.axhline(gain.share, color="#6b697a", linewidth=0.8, linestyle="--")
