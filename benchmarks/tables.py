"""Writes the measured figures into the pages that show them, between their markers.

python benchmarks/tables.py           renew the tables
python benchmarks/tables.py --check   exit with 1 if they are not current
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import performance
import runs_page
from names import FAMILIES
from reach import reach_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CHECKPOINTS = ROOT / "src" / "eagle_mllm" / "scenes" / "checkpoints"


def accuracy_table() -> str:
    """Held-out accuracy of the demo models, from the `training.json` of each checkpoint."""
    lines = [
        "| demo model | caption, exact | VQA, exact | existence | wrong yes | wrong no |",
        "|---|---|---|---|---|---|",
    ]
    for family, name in FAMILIES.items():
        accuracy = json.loads((CHECKPOINTS / family / "training.json").read_text())["accuracy"]
        lines.append(
            f"| {name} | {accuracy['caption']:.1%} | {accuracy['vqa']:.1%} "
            f"| {accuracy['existence']:.1%} | {accuracy['wrong_yes']} | {accuracy['wrong_no']} |"
        )
    return "\n".join(lines)


def evidence_table() -> str:
    """Where the maps point and what evidence words score, from `known_evidence.json`."""
    lines = [
        "| demo model | maximum inside the object | AUROC of evidence, evidence words against "
        "function words | mean evidence of each |",
        "|---|---|---|---|",
    ]
    results = json.loads((RESULTS / "known_evidence.json").read_text())["results"]
    for family, name in FAMILIES.items():
        row = results[family]
        lines.append(
            f"| {name} | {row['pointing_hits']} of {row['scenes']} "
            f"| {row['evidence_auroc']:.3f} ({row['words']} words) "
            f"| {row['mean_evidence_of_evidence_words']:.2f} / "
            f"{row['mean_evidence_of_function_words']:.2f} |"
        )
    return "\n".join(lines)


_IN_BFLOAT16 = partial(performance.quality_table, dtype="bfloat16")

TABLES: dict[str, Callable[[], str]] = {
    "accuracy": accuracy_table,
    "evidence": evidence_table,
    "reach": partial(reach_table, RESULTS),
    "speed": partial(performance.speed_table, RESULTS),
    "growth": partial(performance.growth_table, RESULTS),
    "memory": partial(performance.memory_table, RESULTS),
    "wall": partial(performance.wall_table, RESULTS),
    "sentence 64": partial(performance.quality_table("sentence", 64), RESULTS),
    "word 64": partial(performance.quality_table("word", 64), RESULTS),
    "sentence bfloat16": partial(_IN_BFLOAT16("sentence", 64), RESULTS),
    "word bfloat16": partial(_IN_BFLOAT16("word", 64), RESULTS),
    "sentence 32": partial(performance.quality_table("sentence", 32), RESULTS),
    "word 32": partial(performance.quality_table("word", 32), RESULTS),
    "sentence 128": partial(performance.quality_table("sentence", 128), RESULTS),
    "word 128": partial(performance.quality_table("word", 128), RESULTS),
    "batches": partial(performance.batch_table, RESULTS),
    "gpu": partial(performance.gpu_table, RESULTS),
    "runs": partial(performance.run_table, RESULTS),
    "stopped runs": partial(runs_page.stop_table, RESULTS),
    "throughput": partial(runs_page.throughput_table, RESULTS),
    "machine of runs": partial(performance.run_table, RESULTS, parts=("runs",)),
}
"""Name of a mark → what makes the table behind it."""

PAGES = ("README.md", "docs/performance.md", "docs/runs.md")
"""Where marks are; a mark is `<!-- name -->`, its table ends at `<!-- end -->`."""

_MARKED = re.compile(r"(<!-- (?!end )([\w ]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def renewed(page: str) -> str:
    """The page with the table of each mark made anew."""

    def made(found: re.Match[str]) -> str:
        opening, name, end = found.groups()
        if name not in TABLES:
            raise SystemExit(f"there is no table {name!r}; choose one of {', '.join(TABLES)}")
        return f"{opening}{TABLES[name]()}\n{end}"

    return _MARKED.sub(made, page)


def require_every_table(pages: Iterable[str]) -> None:
    """A table that no page shows is a mark lost while editing."""
    shown = {name for page in pages for _, name, _ in _MARKED.findall(page)}
    if missing := sorted(TABLES.keys() - shown):
        raise SystemExit(f"no page of {', '.join(PAGES)} has a place for {', '.join(missing)}")


def main() -> None:
    """Renew the pages or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    old = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    require_every_table(old.values())
    new = {name: renewed(page) for name, page in old.items()}
    stale = [name for name in PAGES if new[name] != old[name]]
    if check:
        sys.exit(f"{', '.join(stale)} not current; run benchmarks/tables.py" if stale else 0)
    for name in stale:
        (ROOT / name).write_text(new[name], encoding="utf-8")


if __name__ == "__main__":
    main()
