"""A few digits for what a local model folder holds; its path would hide that it was replaced."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from eagle_mllm.borders import border
from eagle_mllm.errors import ModelError

_SUFFIXES = {".bin", ".jinja", ".json", ".model", ".pt", ".safetensors", ".tiktoken", ".txt"}
_SUBFOLDERS = ("additional_chat_templates",)

_WHOLE = 2 << 30
"""Bytes up to which everything is read, in some two seconds."""

_BLOCK = 1 << 16
_BLOCKS = 64
"""Blocks that are read of each file of a larger checkpoint, its header among them."""


def checkpoint_digest(folder: Path, *, whole: int = _WHOLE) -> str:
    """BLAKE2b of the files that transformers reads, 32 hexadecimal digits.

    Of a checkpoint of more than `whole` bytes it covers the size of each file and 64 blocks evenly
    spread over it: training on, another precision or another model changes all of them.

    Args:
        folder: with a checkpoint, as `save_pretrained` writes it
        whole: bytes up to which every byte counts

    Raises:
        ModelError: a file cannot be read
    """
    digest = hashlib.blake2b(digest_size=16)
    with border(ModelError, f"cannot read {folder}", advice="check its files and permissions"):
        files = sorted(_files(folder))
        is_small = sum(path.stat().st_size for path in files) <= whole
        for path in files:
            name, size = path.relative_to(folder).as_posix(), path.stat().st_size
            digest.update(f"{len(name)}:{name}{size}:".encode())
            for block in _every_block(path) if is_small else _some_blocks(path, size):
                digest.update(block)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for place in (folder, *(folder / name for name in _SUBFOLDERS)):
        for path in place.iterdir() if place.is_dir() else ():
            if path.suffix in _SUFFIXES and path.is_file():
                yield path


def _every_block(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _some_blocks(path: Path, size: int) -> Iterator[bytes]:
    last = max(size - _BLOCK, 0)
    with path.open("rb") as file:
        for number in range(_BLOCKS):
            file.seek(last * number // (_BLOCKS - 1))
            yield file.read(_BLOCK)
