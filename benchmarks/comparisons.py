"""The tables of the methods that EAGLE is compared with: what they cost, and what errors change."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from store import Row, rows_of

from eagle_mllm.loading import DEMO_TITLES
from eagle_mllm.metrics.summary import Summary, paired_difference
from tables import Cell, Table, spread

ERRORS = (
    ("igos++", "igos++, eagle", "IGOS++: insertion computed as deletion, λ annealed twice"),
    ("tam", "tam, eagle", "TAM: interference not removed"),
    ("tam", "tam, wrapped", "TAM: 8-bit map, whose negative wraps around"),
)
"""The row of a method, that of the same with an error, and what the error is."""

_SEED = 0

# --- what errors change --------------------------------------------------------------------------


def variant_table(results: Path) -> Table:
    """Insertion and deletion of a method, and the paired change by each error."""
    columns: dict[str, Cell] = {
        "error": "{error}",
        "demo model": "{title}",
        "target": "{target}",
        "n": "{n}",
        "gap as defined": "{own:.3f}",
        "with the error": "{spoilt:.3f}",
        "change of insertion": partial(_signed, name="insertion"),
        "change of deletion": partial(_signed, name="deletion"),
        "change of the gap": partial(_signed, name="gap"),
    }
    rows = rows_of(results / "variants.json")
    asked = product(ERRORS, ("sentence", "word"), DEMO_TITLES.items())
    found = (
        _effect(_pairs(rows, ours, theirs, model=model, target=target))
        | {"error": error, "title": title, "target": "caption" if target == "sentence" else target}
        for (ours, theirs, error), target, (model, title) in asked
    )
    return Table(columns, (row for row in found if row["n"]))


def pointing_table(results: Path) -> Table:
    """How often IGOS++ points at the object, by its map and by what the public code reads."""
    columns: dict[str, Cell] = {
        "demo model": "{title}",
        "n": "{n}",
        "the map": "{hit:.0%}",
        "the map not turned around": "{hit_turned:.0%}",
        "change": partial(_signed, name="change"),
    }
    return Table(columns, _pointing(rows_of(results / "variants.json")))


def _pointing(rows: Sequence[Row]) -> Iterator[Row]:
    for model, title in DEMO_TITLES.items():
        chosen = [
            row
            for row in rows
            if (row["model"], row["target"], row["method"]) == (model, "word", "igos++")
        ]
        if chosen:
            hits, turned = ([row[name] for row in chosen] for name in ("hit", "hit_turned"))
            change = paired_difference(turned, hits, rng=np.random.default_rng(_SEED))
            yield {
                "title": title,
                "n": len(chosen),
                "hit": np.mean(hits),
                "hit_turned": np.mean(turned),
                "change": change,
            }


def _pairs(
    rows: Sequence[Row], ours: str, theirs: str, *, model: str, target: str
) -> list[tuple[Row, Row]]:
    """The rows of both on the scenes that both have."""
    by_method: dict[str, dict[int, Row]] = {ours: {}, theirs: {}}
    for row in rows:
        if (row["model"], row["target"]) == (model, target) and row["method"] in by_method:
            by_method[row["method"]][row["seed"]] = row
    own, other = by_method[ours], by_method[theirs]
    return [(own[seed], other[seed]) for seed in sorted(own.keys() & other.keys())]


def _effect(pairs: Sequence[tuple[Row, Row]]) -> Row:
    if not pairs:
        return {"n": 0}
    own, spoilt = zip(*pairs, strict=True)
    changes = {
        name: paired_difference(
            [row[name] for row in spoilt],
            [row[name] for row in own],
            rng=np.random.default_rng(_SEED),
        )
        for name in ("insertion", "deletion", "gap")
    }
    gaps = {
        name: float(np.mean([row["gap"] for row in rows]))
        for name, rows in (("own", own), ("spoilt", spoilt))
    }
    return {"n": len(pairs), **gaps, **changes}


def _signed(row: Row, *, name: str) -> str:
    """A mean difference with its interval, as in "+0.012 [-0.003, +0.027]"."""
    change: Summary = row[name]
    if change.n < 2:
        return f"{change.mean:+.3f}"
    return f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


# --- what they cost ------------------------------------------------------------------------------


def cost_table(results: Path) -> Table:
    """Passes, seconds and memory of a caption by each method, on the demo models."""
    columns: dict[str, Cell] = {
        "method": "`{method}`",
        "demo model": lambda row: DEMO_TITLES[row["model"]],
        "passes": lambda row: f"{np.mean(row['passes']):.0f}",
        "of them backward": "{backward}",
        "s": lambda row: spread(row["cpu_seconds"]),
        "peak, MiB": lambda row: "–" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}",
        "above the model, MiB": _above,
    }
    rows = [row for row in rows_of(results / "costs.json") if row["threads"] == 1]
    models = list(DEMO_TITLES)
    return Table(columns, sorted(rows, key=lambda row: models.index(row["model"])))


def _above(row: Row) -> str:
    if row["peak_mib"] is None:
        return "–"
    return f"{row['peak_mib'] - row['before_mib']:.0f}"


def gpu_cost_table(results: Path) -> Table:
    """The same on an accelerator, in the shapes of real models."""
    columns: dict[str, Cell] = {
        "shape of": "{shape}",
        "method": "`{side}`",
        "passes": "{passes}",
        "of them backward": "{backward}",
        "s": lambda row: _or_dash(row["explanation_seconds"]),
        "peak, GiB": lambda row: _or_dash(row["peak_gib"]),
    }
    return Table(columns, (row for row in rows_of(results / "gpu.json") if "backward" in row))


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
