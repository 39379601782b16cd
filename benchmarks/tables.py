"""The tables of the pages: which rows of the results they show, and what fills each column."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from searches import DEFAULT, computed
from store import Row, content_of, rows_of

from eagle_mllm.loading import CHECKPOINTS, DEMO_TITLES

USUAL_CASE = "64 regions"

DEFAULT_PATH = {"pixels": "component", "dtype": "float32"}
"""How a pass is made on a CPU by default."""

SHOWN_BATCH = 8
"""What `batch_size="auto"` takes where memory allows: the batch of the README's table."""

WALL_SIDES = ("reference", "exact greedy", "default")

MEASURED_ON = (
    "speed",
    "batched",
    "memory",
    "first",
    "wall",
    "startup",
    "batches",
    "quality",
    "long",
    "gpu",
)
"""The parts whose machines docs/performance.md names."""

Cell = str | Callable[[Row], str]
"""How a row fills a column: a format string over its values, or a function of it."""


class Table(NamedTuple):
    """Head of each column → what fills it, and the rows."""

    columns: Mapping[str, Cell]
    rows: Iterable[Row]


# --- cells ---------------------------------------------------------------------------------------


def spread(values: Sequence[float], factor: float = 1) -> str:
    """A median with its quartiles, as in "2.5 [2.4, 2.7]"."""
    low, median, high = (factor * value for value in values)
    return f"{median:.1f} [{low:.1f}, {high:.1f}]"


def _name(row: Row) -> str:
    return DEMO_TITLES[row["model"]]


def _milliseconds(side: str) -> Callable[[Row], str]:
    return lambda row: "–" if row[side] is None else spread(row[side], 1000)


def _in_seconds(side: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        mark = " (estimated)" if row[side].get("estimated") else ""
        return f"{row[side]['seconds']:.1f}{mark} ({row[side]['passes']} passes)"

    return cell


def _or_dash(name: str, form: str) -> Callable[[Row], str]:
    return lambda row: "–" if row[name] is None else format(row[name], form)


def _is_equal(row: Row) -> str:
    return "yes" if row["equal"] else "**no**"


# --- demo models ---------------------------------------------------------------------------------


def accuracy_table(_: Path) -> Table:
    """Held-out accuracy of the demo models, from the `training.json` of each checkpoint."""
    columns: dict[str, Cell] = {
        "demo model": _name,
        "caption, exact": "{caption:.1%}",
        "VQA, exact": "{vqa:.1%}",
        "existence": "{existence:.1%}",
        "wrong yes": "{wrong_yes}",
        "wrong no": "{wrong_no}",
    }
    trainings = (CHECKPOINTS / name / "training.json" for name in DEMO_TITLES)
    found = (json.loads(path.read_text())["accuracy"] for path in trainings)
    return Table(
        columns, [{"model": name} | one for name, one in zip(DEMO_TITLES, found, strict=True)]
    )


def evidence_table(results: Path) -> Table:
    """Where the maps point and what evidence words score."""
    columns: dict[str, Cell] = {
        "demo model": _name,
        "maximum inside the object": "{pointing_hits} of {scenes}",
        "AUROC, evidence words against function words": "{evidence_auroc:.3f} ({words} words)",
        "mean evidence of each": " / ".join(
            f"{{mean_evidence_of_{kind}_words:.2f}}" for kind in ("evidence", "function")
        ),
    }
    return Table(columns, rows_of(results / "evidence.json"))


# --- time and memory -----------------------------------------------------------------------------


def _speed_rows(results: Path, **wanted: str) -> list[Row]:
    rows = rows_of(results / "speed.json")
    return [row for row in rows if wanted.items() <= row.items()]


def pass_table(results: Path) -> Table:
    """The README's: seconds per pass in the usual case, on the default way to make pixels."""
    columns: dict[str, Cell] = {
        "demo model": _name,
        "reference, ms per pass": _milliseconds("reference_seconds"),
        "ours, ms per pass": _milliseconds("our_seconds"),
        "ratio": lambda row: spread(row["ratio"]),
    }
    return Table(columns, _speed_rows(results, case=USUAL_CASE, **DEFAULT_PATH))


def speed_table(results: Path) -> Table:
    """Seconds per pass in the usual case."""
    columns: dict[str, Cell] = {
        "demo model": _name,
        "precision, threads": "{dtype}, {threads}",
        "pixels": "{pixels}",
        "reference, ms": _milliseconds("reference_seconds"),
        "ours, ms": _milliseconds("our_seconds"),
        "ratio": lambda row: f"**{spread(row['ratio'])}**",
        "largest difference, token / mean": "{max_difference:.1e} / {max_mean_difference:.1e}",
    }
    return Table(columns, _speed_rows(results, case=USUAL_CASE))


def growth_table(results: Path) -> Table:
    """How seconds per pass grow with regions, answer and image, on the default path."""
    columns: dict[str, Cell] = {
        "demo model": _name,
        **{name: f"{{{name}}}" for name in ("threads", "case", "regions", "tokens")},
        "reference, ms": lambda row: f"{row['reference_seconds'][1] * 1000:.1f}",
        "ours, ms": lambda row: f"{row['our_seconds'][1] * 1000:.1f}",
        "ratio": "{ratio[1]:.1f}",
    }
    rows = _speed_rows(results, **DEFAULT_PATH)
    return Table(columns, sorted(rows, key=lambda row: list(DEMO_TITLES).index(row["model"])))


def memory_table(results: Path) -> Table:
    """Peak memory of a process of each side."""
    columns: dict[str, Cell] = {
        "demo model": _name,
        "precision": "{dtype}",
        "side": "{side}",
        "model loaded, MiB": "{before_mib:.0f}",
        "peak, MiB": "{peak_mib:.0f}",
    }
    rows = rows_of(results / "memory.json")
    return Table(columns, (row for row in rows if row["peak_mib"] is not None))


def startup_table(results: Path) -> Table:
    """Seconds of an import in fresh processes, and whether it loads torch."""
    columns: dict[str, Cell] = {
        "import": "`{module}`",
        "ms": _milliseconds("seconds"),
        "loads torch": lambda row: "yes" if row["loads_torch"] else "no",
    }
    return Table(columns, rows_of(results / "startup.json"))


def pixels_table(results: Path) -> Table:
    """Milliseconds that the pixels of a hidden image take, by both paths."""

    def ratio(row: Row) -> str:
        exact, fast = (row[f"{path}_seconds"][1] for path in ("processor", "component"))
        return f"**{exact / fast:.1f}**"

    columns: dict[str, Cell] = {
        "image processor of": "{processor}",
        "processor, ms": _milliseconds("processor_seconds"),
        "component, ms": _milliseconds("component_seconds"),
        "ratio": ratio,
        "to learn it, s": lambda row: f"{row['learn_seconds']:.1f}",
        "mean difference, grey levels": lambda row: f"{row['grey_levels']:.4f}",
    }
    return Table(columns, rows_of(results / "pixels.json"))


def wall_table(results: Path) -> Table:
    """Seconds of one explanation of a caption."""
    columns: dict[str, Cell] = {
        "demo model": lambda row: f"{_name(row)} ({row['dtype']}, {row['threads']} threads)",
        "scene": "{scene}",
        "regions": "{regions}",
        **{f"{side}, s": _in_seconds(side) for side in WALL_SIDES},
        "ratios": _wall_ratios,
    }
    return Table(columns, rows_of(results / "wall.json"))


def _wall_ratios(row: Row) -> str:
    reference, *ours = (row[side]["seconds"] for side in WALL_SIDES)
    return " / ".join(f"{reference / seconds:.1f}" for seconds in ours)


# --- whole runs ----------------------------------------------------------------------------------


def stop_table(results: Path) -> Table:
    """What each way to stop a run has cost."""
    columns: dict[str, Cell] = {
        "stopped by": "{case}",
        "samples": "{samples}",
        "there at the stop": "{there}",
        "lost": "{lost}",
        "made after it": "{made_after}",
        **{name: f"{{{name}}}" for name in ("explained", "starts", "processes")},
        "equal to the byte": _is_equal,
    }
    return Table(columns, (row for row in rows_of(results / "runs.json") if "there" in row))


def throughput_table(results: Path) -> Table:
    """Samples per minute of each side, one figure per turn."""
    columns: dict[str, Cell] = {
        "": "{side}",
        "samples": "{samples}",
        "regions": "{regions}",
        "working, per minute": lambda row: _turns(row["turns"], "working"),
        "in all, per minute": lambda row: _turns(row["turns"], "in_all"),
        "equal to the byte": _is_equal,
    }
    rows = [
        {**row, "side": side, "turns": turns}
        for row in rows_of(results / "runs.json")
        for side, turns in row.get("sides", {}).items()
    ]
    return Table(columns, rows)


def _turns(turns: Sequence[Mapping[str, float]], name: str) -> str:
    return ", ".join(f"{turn[name]:.1f}" for turn in turns)


# --- provenance ----------------------------------------------------------------------------------


def machine_table(results: Path, *, parts: Sequence[str] = MEASURED_ON) -> Table:
    """On what each part was measured."""
    names = ("part", "machine", "threads", "torch", "transformers", "commit")
    rows = [
        dict(zip(names, (part, *facts), strict=True))
        for part in parts
        for facts in dict.fromkeys(map(_facts, content_of(results / f"{part}.json")["runs"]))
    ]
    return Table({name: f"{{{name}}}" for name in names}, rows)


def _facts(run: Row) -> tuple[str, ...]:
    machine, packages, git = run["machine"], run["packages"], run["git"]
    name = machine["accelerator"] or f"{machine['cpu']}, {machine['cores']} cores"
    commit = "–" if git is None else git["commit"][:7] + (" and changes" if git["dirty"] else "")
    return name, str(machine["threads"]), packages["torch"], packages["transformers"], commit


# --- an accelerator ------------------------------------------------------------------------------


def gpu_table(results: Path) -> Table:
    """Seconds per pass and per explanation, utilisation and memory of the real shapes."""
    columns: dict[str, Cell] = {
        "shape": "{shape}",
        "side": "{side}",
        "batch": "{batch}",
        "tokens": "{tokens}",
        "ms per pass": _milliseconds("seconds"),
        "MFU": _or_dash("utilisation", ".0%"),
        "weights, GiB": "{weights_gib:.2f}",
        "peak, GiB": _or_dash("peak_gib", ".2f"),
        "s per explanation": partial(_explanation, asked=_asked_by_default(results)),
    }
    rows = rows_of(results / "gpu.json")
    is_loop = ("reference", "ours")
    return Table(columns, (row for row in rows if row["side"].startswith(is_loop)))


def explanation_table(results: Path) -> Table:
    """The README's: a pass and an explanation of each real shape, and the memory it takes."""
    asked = _asked_by_default(results)
    rows = rows_of(results / "gpu.json")
    of_reference = {
        row["shape"]: _explanation(row, asked=asked) for row in rows if row["side"] == "reference"
    }
    columns: dict[str, Cell] = {
        "shape of": "{shape}",
        "reference, s per explanation": lambda row: of_reference[row["shape"]],
        "ours, s per explanation": partial(_explanation, asked=asked),
        "peak memory, GiB": _or_dash("peak_gib", ".1f"),
        "of which weights": "{weights_gib:.1f}",
    }
    ours = {"side": "ours", "batch": SHOWN_BATCH}
    shown = [row for row in rows if ours.items() <= row.items() and row["shape"] in of_reference]
    return Table(columns, shown)


def _asked_by_default(results: Path) -> Mapping[str, int] | None:
    rows = rows_of(results / "batches.json")
    return next((row["asked"] for row in rows if row["search"] == DEFAULT), None)


def _explanation(row: Row, *, asked: Mapping[str, int] | None) -> str:
    """The median, times N(N + 1) passes of plain greedy or those computed for the default."""
    if row["seconds"] is None or asked is None:
        return "–"
    passes = 64 * 65 if row["side"] == "reference" else computed(asked, row["batch"])
    return f"{passes * row['seconds'][1]:.0f}"
