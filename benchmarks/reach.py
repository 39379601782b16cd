"""Which of the numbers that the project set itself are reached, from the results."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gains import Gain, gains
from names import FAMILIES
from performance import USUAL_CASE, by_family, share_text, table, wall_ratios
from searches import EXACT
from store import Row, rows_of


class Verdict(NamedTuple):
    """What was measured for one goal, and whether that is enough; None where nothing was."""

    measured: str
    reached: bool | None


class Goal(NamedTuple):
    """One line of the table."""

    what: str
    reach: str
    judge: Callable[[Path], Verdict]


NOTHING = Verdict("not measured yet", None)
NO_DEVICE = Verdict("no accelerator was at hand; `benchmarks/gpu.py` measures it", None)


def reach_table(results: Path) -> str:
    """Each goal, what was measured, and whether it is reached."""
    said = {True: "**reached**", False: "not reached", None: "open"}
    verdicts = [(goal, goal.judge(results)) for goal in GOALS]
    return table(
        ("what", "reach", "measured", ""),
        [(goal.what, goal.reach, found.measured, said[found.reached]) for goal, found in verdicts],
    )


def speed(results: Path) -> Verdict:
    """The slowest family decides, on its default way to make pixels."""
    fast = [
        row
        for row in rows_of(results / "speed.json")
        if row["case"] == USUAL_CASE and row["dtype"] == "float32" and row["pixels"] == "component"
    ]
    if not fast:
        return NOTHING
    ratios = {row["family"]: row["ratio"][1] for row in by_family(fast)}
    return Verdict(_factors(ratios), min(ratios.values()) >= 5)


def agreement(results: Path) -> Verdict:
    """The largest difference of any token's probability, in any case."""
    limits = {"processor": 1e-4, "component": 2e-2}
    worst: dict[str, float] = {}
    for row in rows_of(results / "speed.json"):
        if row["dtype"] == "float32":
            found = max(row["max_difference"], worst.get(row["pixels"], 0.0))
            worst[row["pixels"]] = found
    if worst.keys() != limits.keys():
        return NOTHING
    said = ", ".join(f"{pixels} {worst[pixels]:.1e}" for pixels in limits)
    return Verdict(said, all(worst[pixels] <= limits[pixels] for pixels in limits))


def share_within(target: str, *, passes: int, share: float) -> Callable[[Path], Verdict]:
    """The best search within a budget of mean passes, all families together.

    Args:
        target: "sentence" or "word".
        passes: the budget for 64 regions.
        share: of exact greedy's mean gap.
    """

    def judge(results: Path) -> Verdict:
        best = _best(gains(rows_of(results / "quality.json"), target=target), passes=passes)
        if best is None:
            return NOTHING
        said = f"{best.search}: {share_text(best)} at {best.passes:.0f} passes, n = {best.samples}"
        return Verdict(said, best.share >= share)

    return judge


def above_exact(results: Path) -> Verdict:
    """Whether the whole interval of the best other search lies above exact greedy."""
    found = gains(rows_of(results / "quality.json"), target="sentence")
    best = _best([gain for gain in found if gain.search != EXACT], passes=4110)
    if best is None:
        return NOTHING
    return Verdict(
        f"{best.search}: {share_text(best)} at {best.passes:.0f} passes",
        best.share_interval[0] > 1,
    )


def wall_exact(results: Path) -> Verdict:
    """Exact greedy against the plain loop; the slowest family decides."""
    means = _wall_means(results, side=0)
    return Verdict(_factors(means), min(means.values()) >= 5) if means else NOTHING


def wall_default(results: Path) -> Verdict:
    """The same of the default search, which must keep 99 % of exact greedy's gap."""
    means = _wall_means(results, side=1)
    if not means:
        return NOTHING
    rows = _wall_rows(results)
    own, exact = (sum(row[side]["gap"] for row in rows) for side in ("default", "exact greedy"))
    said = f"{_factors(means)}; {own / exact:.1%} of the gap on these scenes"
    return Verdict(said, min(means.values()) >= 15 and own >= 0.99 * exact)


def startup(results: Path) -> Verdict:
    """Median of several fresh processes."""
    rows = rows_of(results / "startup.json")
    if not rows:
        return NOTHING
    seconds = max(row["seconds"][1] for row in rows)
    loads_torch = any(row["loads_torch"] for row in rows)
    said = f"{seconds:.3f} s, torch is {'' if loads_torch else 'not '}loaded"
    return Verdict(said, seconds < 0.3 and not loads_torch)


def gpu_memory(results: Path) -> Verdict:
    """Peak over weights of the 7B shape at batch 8."""
    rows = [
        row
        for row in rows_of(results / "gpu.json")
        if row["shape"] == "qwen2.5-vl-7b" and row["side"] == "ours" and row["batch"] == 8
    ]
    if not rows or rows[0]["peak_gib"] is None:
        return NO_DEVICE
    above = rows[0]["peak_gib"] - rows[0]["weights_gib"]
    return Verdict(f"weights + {above:.2f} GiB", above <= 2)


def gpu_speed(results: Path) -> Verdict:
    """The best batch against the reference, each 7B shape."""
    fastest: dict[tuple[str, str], float] = {}
    for row in rows_of(results / "gpu.json"):
        if "7b" in row["shape"] and row["seconds"] is not None:
            place = (row["shape"], row["side"])
            fastest[place] = min(row["seconds"][1], fastest.get(place, float("inf")))
    ratios = {
        shape: seconds / fastest[shape, "ours"]
        for (shape, side), seconds in fastest.items()
        if side == "reference" and (shape, "ours") in fastest
    }
    return Verdict(_factors(ratios), min(ratios.values()) >= 6) if ratios else NO_DEVICE


GOALS = (
    Goal("seconds a pass, demo models, CPU, against the reference", "≥ 5×", speed),
    Goal("scores against the reference", "≤ 1e-4 processor, ≤ 2e-2 component", agreement),
    Goal(
        "sentence, N = 64, share of exact greedy's gap",
        "≥ 99 % at ≤ 1400 passes",
        share_within("sentence", passes=1400, share=0.99),
    ),
    Goal(
        "the same",
        "≥ 97 % at ≤ 950 passes",
        share_within("sentence", passes=950, share=0.97),
    ),
    Goal("the same", "above exact greedy at ≤ 4110 passes", above_exact),
    Goal(
        "word, N = 64, the same",
        "≥ 99.5 % at ≤ 600 passes",
        share_within("word", passes=600, share=0.995),
    ),
    Goal("wall time, plain greedy, against the reference's plain loop", "≥ 5×", wall_exact),
    Goal("wall time, the default search, against the same", "≥ 15×", wall_default),
    Goal("peak GPU memory, Qwen2.5-VL-7B shape, batch 8", "≤ weights + 2 GiB", gpu_memory),
    Goal("seconds a pass, 7B shape on one GPU, against the reference", "≥ 6×", gpu_speed),
    Goal("`import eagle_mllm`", "< 0.3 s, no torch", startup),
)


def _wall_rows(results: Path) -> list[Row]:
    rows = by_family(rows_of(results / "wall.json"))
    return [row for row in rows if row["dtype"] == "float32" and row["regions_asked"] == 64]


def _wall_means(results: Path, *, side: int) -> dict[str, float]:
    """Mean ratio over the scenes of each family: 0 for exact greedy, 1 for the default."""
    ratios: dict[str, list[float]] = {}
    for row in _wall_rows(results):
        ratios.setdefault(row["family"], []).append(wall_ratios(row)[side])
    return {family: sum(each) / len(each) for family, each in ratios.items()}


def _factors(ratios: Mapping[str, float]) -> str:
    return ", ".join(f"{FAMILIES.get(name, name)} {ratio:.1f}×" for name, ratio in ratios.items())


def _best(found: Sequence[Gain], *, passes: int) -> Gain | None:
    within = [gain for gain in found if gain.passes <= passes]
    return max(within, key=lambda gain: gain.share, default=None)
