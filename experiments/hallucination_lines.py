"""What the scripts about hallucination share: collected lines, intervals, Markdown."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import eagle_mllm as eagle
from eagle_mllm.metrics import summarize

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results" / "hallucination"

TITLES = {
    "llava": "LLaVA",
    "qwen2_5_vl": "Qwen2.5-VL",
    "internvl": "InternVL",
    "llava-habit": "LLaVA with habits",
}
Row = dict[str, Any]


def lines(name: str) -> list[Row]:
    """The lines of a file; none where it is not there."""
    return _stored(RESULTS / f"{name}.jsonl")


def resumed(path: Path, keys: Iterable[str]) -> Iterator[str]:
    """The keys that have no line yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {line["key"] for line in _stored(path)}
    yield from (key for key in keys if key not in done)


def add(path: Path, line: Row) -> None:
    """One more line, its numbers to five digits where they are not nested."""
    with path.open("a") as file:
        file.write(json.dumps({name: _short(value) for name, value in line.items()}) + "\n")


def _stored(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _short(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def rows(name: str, kind: str | None = None) -> list[Row]:
    """The rows of all lines, each with its scene."""
    found = [{**row, "scene": line["key"]} for line in lines(name) for row in line["rows"]]
    return [row for row in found if kind is None or row["kind"] == kind]


def load(name: str) -> Any:
    """A demo model or a twin, on one thread."""
    import torch

    torch.set_num_threads(1)
    return eagle.load_model(f"demo/{name}", device="cpu", batch_size=8)


def is_true(phrase: str, example: Any) -> bool:
    """Whether one object of a scene has all of these properties."""
    wanted = set(phrase.lower().split())
    return any(wanted <= {one.shape, one.colour, one.size} for one in example.objects)


def interval(rows_: Sequence[Row], measure: Callable[[Sequence[Row]], float]) -> str:
    """A measure with its 95 % bootstrap interval over scenes."""
    scenes: dict[str, list[Row]] = {}
    for row in rows_:
        scenes.setdefault(row["scene"], []).append(row)
    rng, groups = np.random.default_rng(0), list(scenes.values())
    values = []
    for _ in range(200):
        drawn = rng.integers(len(groups), size=len(groups))
        values.append(measure([row for index in drawn for row in groups[index]]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return f"{measure(rows_):.3f} [{low:.3f}, {high:.3f}]"


def table(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    marks = ["---"] * len(heads)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, marks, *body))


def mean(values: Sequence[float]) -> str:
    """A mean with its 95 % interval."""
    found = summarize(np.array(values, dtype=float), rng=np.random.default_rng(0))
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def area(value: float | None) -> float:
    """The share that is hidden; everything where nothing corrects."""
    return 1.0 if value is None else value
