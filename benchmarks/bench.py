"""The benchmark: each part measures one thing and fills one file of `benchmarks/results`.

    python benchmarks/bench.py                     every part that needs no GPU; takes hours
    python benchmarks/bench.py speed wall          two parts
    python benchmarks/bench.py gpu                 the shapes of real models, on CUDA
    python benchmarks/bench.py --quick             a smoke run of every part, into build/bench
    python benchmarks/bench.py quality --model llava --scenes 0:30

A measurement is one row of `<part>.json`, written as soon as it is known. A second call measures
what is missing; to measure again, pass another folder or delete rows. Several processes may add
to one folder. Then `python benchmarks/pages.py` renews the pages.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import batched
import costs
import evidence
import first
import footprint
import image_processors
import long
import quality
import speed
import torch
import variants
import words
from part import Key, Options, Part
from shapes import SHAPES
from store import RESULTS, ROOT, ResultFile, run_record

import gpu
import runs
from eagle_mllm.loading import DEMO_TITLES

PARTS = {
    part.name: part
    for part in (
        footprint.STARTUP,
        first.FIRST,
        footprint.MEMORY,
        image_processors.PIXELS,
        speed.SPEED,
        batched.BATCHED,
        speed.WALL,
        quality.BATCHES,
        costs.COSTS,
        runs.RUNS,
        evidence.EVIDENCE,
        variants.VARIANTS,
        words.WORDS,
        long.LONG,
        quality.QUALITY,
        gpu.GPU,
    )
}
"""In the order of their duration: from seconds to hours; the last needs an accelerator."""


def measure(part: Part, options: Options, folder: Path) -> None:
    """Add every row of a part that its file lacks."""
    keys = iter(part.keys(options))
    first = next(keys)
    file = ResultFile(folder / f"{part.name}.json", key=tuple(first))

    def missing() -> Iterator[Key]:
        # Asked again for each key: other processes may fill the same file.
        yield from (key for key in (first, *keys) if key not in file)

    for key, values, info in part.measure(options, missing()):
        file.add({**key, **values}, run=run_record(info, settings=options.settings()))
        print(part.name, *key.values(), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts asked for."""
    chosen = _parser().parse_args(arguments)
    first, last = chosen.scenes or ((0, 1) if chosen.quick else (0, 60))
    options = Options(
        models=tuple(chosen.model or DEMO_TITLES),
        shapes=tuple(chosen.shape or SHAPES),
        first=first,
        last=last,
        dtype=chosen.dtype,
        threads=chosen.threads,
        quick=chosen.quick,
        estimate=chosen.estimate,
    )
    torch.set_num_threads(options.threads)
    on_cpu = [name for name in PARTS if options.quick or name != gpu.GPU.name]
    for name in chosen.parts or on_cpu:
        folder = chosen.out or (ROOT / "build" / "bench" if options.quick else RESULTS)
        measure(PARTS[name], options, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("parts", nargs="*", type=_part, metavar="part", help=f"some of {', '.join(PARTS)}")
    add("--quick", action="store_true", help="one scene, few regions, narrow models on the CPU")
    add("--model", action="append", choices=DEMO_TITLES, help="demo model; may be repeated")
    add("--shape", action="append", choices=SHAPES, help="for gpu; may be repeated")
    add("--scenes", type=_range, metavar="FIRST:LAST", help="seeds; 0:60 by default")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="of demo models")
    add("--threads", type=int, default=torch.get_num_threads(), help="threads of torch")
    add("--estimate", action="store_true", help="time the plain loop on a share of its passes")
    add("--out", type=Path, help="folder of the results")
    return parser


def _part(text: str) -> str:
    # Not `choices`, which argparse also holds an empty list of parts against.
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"unknown part {text!r}; choose from {', '.join(PARTS)}")
    return text


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    try:
        seeds = int(first), int(last)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range; write 0:60") from None
    if not 0 <= seeds[0] < seeds[1]:
        raise argparse.ArgumentTypeError(f"{text!r} contains no scenes; write 0:60")
    return seeds


if __name__ == "__main__":
    main()
