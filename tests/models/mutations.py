"""Damage to a checkpoint folder, of the kinds that downloads, editors and attackers do."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ODD = (
    None,
    True,
    0,
    -1,
    7,
    2**31,
    2**63,
    10**400,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\x00",
    "\ud800",
    "../../x",
    [],
    [1, "a"],
    [[[]]],
    {},
    {"a": 1},
)
"""Values that take the place of others."""

Generator = np.random.Generator


def mutated(source: Path, folder: Path, generator: Generator) -> str:
    """Copy a checkpoint to a folder and damage one of its files; returns what was done."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)
    files = sorted(path.name for path in source.iterdir())
    name = files[generator.integers(len(files))]
    kinds = [*_ANY, *(_JSON if name.endswith(".json") else [])]
    if name.endswith(".safetensors"):
        kinds = [_truncated, _deleted, _header_flipped, _header_replaced]
    damage = kinds[generator.integers(len(kinds))]
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    damaged = damage(content, generator)
    if damaged is not None:
        (folder / name).write_bytes(damaged)
    return f"{name}: {damage.__name__}"


def _truncated(content: bytes, generator: Generator) -> bytes:
    return content[: generator.integers(len(content))]


def _deleted(content: bytes, generator: Generator) -> None:
    del content, generator


def _flipped(content: bytes, generator: Generator) -> bytes:
    damaged = bytearray(content)
    for _ in range(generator.integers(1, 4)):
        damaged[generator.integers(len(damaged))] ^= 1 << generator.integers(8)
    return bytes(damaged)


def _emptied(content: bytes, generator: Generator) -> bytes:
    return [b"", b"{}", b"[]", b"null", b"3", b'"x"', b"[" * 100_000][generator.integers(7)]


def _value_replaced(content: bytes, generator: Generator) -> bytes:
    """One value, anywhere in the tree, becomes one of another type or size."""
    tree = json.loads(content)
    places = list(_places(tree))
    if places:
        holder, key = places[generator.integers(len(places))]
        holder[key] = ODD[generator.integers(len(ODD))]
    return json.dumps(tree).encode()


def _key_removed(content: bytes, generator: Generator) -> bytes:
    tree = json.loads(content)
    places = list(_places(tree))
    if places:
        holder, key = places[generator.integers(len(places))]
        del holder[key]
    return json.dumps(tree).encode()


def _header_flipped(content: bytes, generator: Generator) -> bytes:
    length = 8 + struct.unpack("<Q", content[:8])[0]
    return _flipped(content[:length], generator) + content[length:]


def _header_replaced(content: bytes, generator: Generator) -> bytes:
    """Wrong names, shapes, types and offsets of weights."""
    length = struct.unpack("<Q", content[:8])[0]
    header = _value_replaced(content[8 : 8 + length], generator)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def _places(tree: Any) -> Any:
    """Every (container, key) of a JSON tree; of long lists, such as vocabularies, the start."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    for key in list(keys)[:200]:
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


_ANY: list[Callable[[bytes, Generator], bytes | None]] = [_truncated, _deleted, _flipped, _emptied]
_JSON: list[Callable[[bytes, Generator], bytes | None]] = [
    _value_replaced,
    _value_replaced,
    _value_replaced,
    _key_removed,
]
