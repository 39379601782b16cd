"""Markdown tables of `docs/performance.md`, from the rows of the results."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from batches import asked_by, computed
from gains import Gain, gains
from names import FAMILIES
from searches import DEFAULT
from store import Row, content_of, rows_of

MISSING = "Not measured yet."

USUAL_CASE = "64 regions"

PARTS = ("speed", "memory", "wall", "startup", "batches", "quality", "gpu")
"""Results that the page shows."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, or a line that says that nothing is there yet."""
    if not rows:
        return MISSING
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def speed_table(results: Path) -> str:
    """Seconds a pass in the usual case."""
    head = ("demo model", "precision, threads", "pixels", "reference, ms", "ours, ms", "ratio")
    rows = [row for row in rows_of(results / "speed.json") if row["case"] == USUAL_CASE]
    return table(
        (*head, "largest difference, token / mean"),
        [
            (
                FAMILIES[row["family"]],
                f"{row['dtype']}, {row['threads']}",
                row["pixels"],
                _spread(row["reference_seconds"], 1000),
                _spread(row["our_seconds"], 1000),
                f"**{_spread(row['ratio'])}**",
                f"{row['max_difference']:.1e} / {row['max_mean_difference']:.1e}",
            )
            for row in rows
        ],
    )


def growth_table(results: Path) -> str:
    """How seconds a pass grow with regions, answer and image, on the fast path in float32."""
    rows = [
        row
        for row in rows_of(results / "speed.json")
        if row["pixels"] == "component" and row["dtype"] == "float32"
    ]
    return table(
        (
            "demo model",
            "threads",
            "case",
            "regions",
            "tokens",
            "reference, ms",
            "ours, ms",
            "ratio",
        ),
        [
            (
                FAMILIES[row["family"]],
                str(row["threads"]),
                row["case"],
                str(row["regions"]),
                str(row["tokens"]),
                f"{row['reference_seconds'][1] * 1000:.1f}",
                f"{row['our_seconds'][1] * 1000:.1f}",
                f"{row['ratio'][1]:.1f}",
            )
            for row in by_family(rows)
        ],
    )


def memory_table(results: Path) -> str:
    """Peak memory of a process of each side."""
    return table(
        ("demo model", "precision", "side", "model loaded, MiB", "peak, MiB"),
        [
            (
                FAMILIES[row["family"]],
                row["dtype"],
                row["side"],
                f"{row['before_mib']:.0f}",
                f"{row['peak_mib']:.0f}",
            )
            for row in rows_of(results / "memory.json")
            if row["peak_mib"] is not None
        ],
    )


def wall_table(results: Path) -> str:
    """Seconds of one explanation of a caption."""
    sides = ("reference", "exact greedy", "default")
    return table(
        ("demo model", "scene", "regions", *(f"{side}, s" for side in sides), "ratios"),
        [
            (
                f"{FAMILIES[row['family']]} ({row['dtype']}, {row['threads']} threads)",
                str(row["scene"]),
                str(row["regions"]),
                *(_seconds(row[side]) for side in sides),
                " / ".join(f"{ratio:.1f}" for ratio in wall_ratios(row)),
            )
            for row in rows_of(results / "wall.json")
        ],
    )


def wall_ratios(row: Row) -> tuple[float, float]:
    """How many times faster than the reference exact greedy and the default are."""
    reference = row["reference"]["seconds"]
    return reference / row["exact greedy"]["seconds"], reference / row["default"]["seconds"]


def quality_table(target: str, regions: int, *, dtype: str = "float32") -> Callable[[Path], str]:
    """The table of every search for one target and number of regions."""

    def made(results: Path) -> str:
        rows = rows_of(results / "quality.json")
        asked: dict[str, Any] = {"target": target, "regions_asked": regions, "dtype": dtype}
        of_family = {
            family: {gain.search: gain for gain in gains(rows, family=family, **asked)}
            for family in FAMILIES
        }
        return table(
            (
                "search",
                "n",
                "passes",
                "ins ↑",
                "del ↓",
                "gap ↑",
                "share of exact",
                *FAMILIES.values(),
            ),
            [
                (
                    gain.search,
                    str(gain.samples),
                    f"{gain.passes:.0f}",
                    f"{gain.insertion:.3f}",
                    f"{gain.deletion:.3f}",
                    f"{gain.gap:.3f}",
                    share_text(gain),
                    *(_share_of(of_family[family].get(gain.search)) for family in FAMILIES),
                )
                for gain in gains(rows, **asked)
            ],
        )

    return made


def gpu_table(results: Path) -> str:
    """Seconds a pass, utilisation and memory of the real shapes, and what an explanation takes."""
    asked = asked_by(results, DEFAULT)
    return table(
        (
            "shape",
            "side",
            "batch",
            "tokens",
            "ms a pass",
            "MFU",
            "weights, GiB",
            "peak, GiB",
            "s an explanation",
        ),
        [
            (
                row["shape"],
                row["side"],
                str(row["batch"]),
                str(row["tokens"]),
                _or_dash(row["seconds"], lambda seconds: _spread(seconds, 1000)),
                _or_dash(row["utilisation"], lambda share: f"{share:.0%}"),
                f"{row['weights_gib']:.2f}",
                _or_dash(row["peak_gib"], lambda peak: f"{peak:.2f}"),
                _explanation(row, asked),
            )
            for row in rows_of(results / "gpu.json")
        ],
    )


def _explanation(row: Row, asked: dict[str, int] | None) -> str:
    """The median, times N(N + 1) passes of plain greedy or those computed for the default."""
    if row["seconds"] is None or asked is None:
        return "–"
    passes = 64 * 65 if row["side"] == "reference" else computed(asked, row["batch"])
    return f"{passes * row['seconds'][1]:.0f}"


def batch_table(results: Path) -> str:
    """Images computed for each that a search asks for, by batch size."""
    sizes = (1, 4, 8, 16, 32)
    rows = rows_of(results / "batches.json")
    return table(
        ("search", "asks for", "scans", *(f"batch {size}" for size in sizes)),
        [
            (
                row["search"],
                str(computed(row["asked"], 1)),
                str(sum(row["asked"].values())),
                *(
                    f"{computed(row['asked'], size) / computed(row['asked'], 1):.2f}"
                    for size in sizes
                ),
            )
            for row in rows
        ],
    )


def run_table(results: Path, *, parts: Sequence[str] = PARTS) -> str:
    """On what each part was measured."""
    rows = [
        (part, *facts)
        for part in parts
        for facts in dict.fromkeys(map(_facts, content_of(results / f"{part}.json")["runs"]))
    ]
    return table(("part", "machine", "threads", "torch", "transformers", "commit"), rows)


def by_family(rows: Sequence[Row]) -> list[Row]:
    """The rows in the order in which the families are named everywhere."""
    return sorted(rows, key=lambda row: list(FAMILIES).index(row["family"]))


def share_text(gain: Gain) -> str:
    """A share with its interval, as in "99.1 % [98.2, 100.3]"."""
    low, high = (100 * bound for bound in gain.share_interval)
    return f"{gain.share:.1%} [{low:.1f}, {high:.1f}]"


def _share_of(gain: Gain | None) -> str:
    return "–" if gain is None else f"{gain.share:.1%}"


def _facts(run: Row) -> tuple[str, ...]:
    machine, packages, git = run["machine"], run["packages"], run["git"]
    name = machine["accelerator"] or f"{machine['cpu']}, {machine['cores']} cores"
    commit = "–" if git is None else git["commit"][:7] + (" and changes" if git["dirty"] else "")
    return name, str(machine["threads"]), packages["torch"], packages["transformers"], commit


def _seconds(side: Row) -> str:
    mark = " (estimated)" if side.get("estimated") else ""
    return f"{side['seconds']:.1f}{mark} ({side['search']}, {side['passes']} passes)"


def _or_dash(value: Any, text: Callable[[Any], str]) -> str:
    return "–" if value is None else text(value)


def _spread(values: Sequence[float], factor: float = 1) -> str:
    low, median, high = (factor * value for value in values)
    return f"{median:.1f} [{low:.1f}, {high:.1f}]"
