"""Results as they come: one JSON file per part, one line per row, and what each was measured on."""

import fcntl
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.attribution.provenance import as_json, made_with

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

Row = dict[str, Any]
"""One measurement: the names of its key, its values, and `run`, the index of its run."""


class ResultFile:
    """The rows of one part, each under a key that is measured once.

    A row is on disk before the next one is measured, and several processes may add to one file:
    each addition reads the file again and replaces it as a whole, under a lock of its folder.

    Args:
        path: the JSON file; its folder is made
        key: the names that tell one row from another
    """

    def __init__(self, path: Path, *, key: Sequence[str]) -> None:
        self._path = path
        self._key = tuple(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._keys = {self._key_of(row) for row in rows_of(path)}

    def __contains__(self, row: Mapping[str, Any]) -> bool:
        """Whether a row with this key is there."""
        return self._key_of(row) in self._keys

    def add(self, row: Mapping[str, Any], *, run: Mapping[str, Any]) -> None:
        """Write a row; one that another process has written meanwhile stays.

        Args:
            row: its key and its values
            run: see `run_record`
        """
        with _locked(self._path.parent):
            content = content_of(self._path)
            self._keys = {self._key_of(known) for known in content["rows"]}
            if row not in self:
                number = _number_of(as_json(run), content["runs"])
                content["rows"].append({**row, "run": number})
                self._keys.add(self._key_of(row))
                with atomic_write(self._path) as temporary:
                    temporary.write_text(_text(content), encoding="utf-8")

    def _key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self._key)


def content_of(path: Path) -> dict[str, list[Any]]:
    """The `runs` and the `rows` of a file; none where there is no file."""
    if not path.exists():
        return {"runs": [], "rows": []}
    content: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
    return content


def rows_of(path: Path) -> list[Row]:
    """The rows of a file; none where there is no file."""
    return content_of(path)["rows"]


def _number_of(run: Any, runs: list[Any]) -> int:
    """The index of a run among the known ones, added if it is new."""
    if run not in runs:
        runs.append(run)
    return runs.index(run)


def _text(content: Mapping[str, list[Any]]) -> str:
    """JSON with a line for each entry, so that a diff shows what was added."""
    blocks = []
    for name, entries in content.items():
        lines = ",\n".join(f"    {json.dumps(as_json(entry))}" for entry in entries)
        blocks.append(f'  "{name}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def run_record(info: ModelInfo, *, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Machine, versions, commit, model and settings: the same for all rows of one run."""
    return {"machine": machine(), **made_with(info), "settings": as_json(settings)}


def machine() -> dict[str, Any]:
    """Processor, cores, memory, threads of torch, and the accelerator if there is one."""
    import psutil
    import torch

    cuda = torch.cuda.is_available()
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if cuda else None,
    }


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
