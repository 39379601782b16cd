"""The benchmark: speed, memory, start-up, wall time, batches, and what each search is worth.

    python benchmarks/bench.py --quick             a smoke run of every part, into build/bench
    python benchmarks/bench.py speed wall          two parts, into benchmarks/results
    python benchmarks/bench.py quality --family llava --scenes 0:30

Each measurement is one line of `<part>.json`, written as soon as it is there. A second call
measures what is missing; to measure anew, give another folder or delete lines. Several processes
may add to one folder. Then `python benchmarks/plots.py` and `python benchmarks/tables.py`.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import batches
import footprint
import quality
import speed
import torch
import wall
from options import Options

from eagle_mllm.scenes.training.architectures import FAMILIES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

PARTS: dict[str, Callable[[Options], None]] = {
    "startup": footprint.measure_startup,
    "memory": footprint.measure_memory,
    "speed": speed.measure,
    "wall": wall.measure,
    "batches": batches.measure,
    "quality": quality.measure,
}
"""Part → what measures it; the last takes hours, the others minutes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts asked for."""
    chosen = _parser().parse_args(arguments)
    first, last = chosen.scenes or ((0, 1) if chosen.quick else (0, 60))
    options = Options(
        out=chosen.out or (ROOT / "build" / "bench" if chosen.quick else RESULTS),
        families=tuple(chosen.family or FAMILIES),
        first=first,
        last=last,
        dtype=chosen.dtype,
        threads=chosen.threads,
        quick=chosen.quick,
        estimate=chosen.estimate,
    )
    torch.set_num_threads(options.threads)
    for part in chosen.parts or PARTS:
        PARTS[part](options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts",
        nargs="*",
        type=_part,
        metavar="part",
        help=f"{', '.join(PARTS)}; all if none is given",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run on one scene")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="may be repeated")
    parser.add_argument(
        "--scenes", type=_range, metavar="FIRST:LAST", help="seeds, by default 0:60"
    )
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--estimate", action="store_true", help="time the plain loop on a share of its passes"
    )
    parser.add_argument("--out", type=Path, help="folder of the results")
    return parser


def _part(text: str) -> str:
    # Not `choices`, which argparse also holds an empty list of parts against.
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {text!r}; use {', '.join(PARTS)}")
    return text


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    try:
        seeds = int(first), int(last)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range; write it as in 0:60") from None
    if not 0 <= seeds[0] < seeds[1]:
        raise argparse.ArgumentTypeError(f"{text!r} holds no scene; write it as in 0:60")
    return seeds


if __name__ == "__main__":
    main()
