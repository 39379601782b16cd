"""Scores on disk, so that an explanation that is interrupted or repeated pays nothing twice."""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np

from eagle_mllm.arrays import RGBImage
from eagle_mllm.borders import reason
from eagle_mllm.engines.settings import USUAL_CACHE
from eagle_mllm.errors import ResultError

FILE = "scores.sqlite"

_FORMAT = 1
"""Part of every key: another way to make images or scores does not meet old ones."""

_PATIENCE_SECONDS = 60.0

_TABLE = "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


class Cache:
    """Small JSON values by what they depend on. Threads and processes may share it.

    Args:
        folder: where its file lies; None keeps nothing

    Raises:
        ResultError: the folder cannot be written to, or its file is damaged
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._connection: Any = None
        if folder is not None:
            with self._open():
                pass

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.folder, self._lock, self._connection = state["folder"], threading.Lock(), None

    def get(self, key: bytes) -> Any:
        """What is kept under a key; None if nothing is."""
        if self.folder is None:
            return None
        with self._open() as connection:
            row = connection.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
            return None if row is None else json.loads(row[0])

    def put(self, key: bytes, value: Any) -> None:
        """Keep a value; it is on disk when this returns.

        Args:
            key: see `key_of`
            value: plain JSON
        """
        if self.folder is None:
            return
        text = json.dumps(value, allow_nan=False)
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, text))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        assert self.folder is not None
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connected(self.folder)
                    finalize(self, self._connection.close)
                yield self._connection
            except (OSError, sqlite3.Error, ValueError) as error:
                raise ResultError(
                    f"cannot use the cache of scores {self.folder / FILE} ({reason(error)}); "
                    "delete it, or choose another folder (cache, --cache)"
                ) from error


def cache_folder(choice: str | None) -> Path | None:
    """The folder that a setting means; "auto" is the user's own, as XDG_CACHE_HOME says."""
    if choice != USUAL_CACHE:
        return None if choice is None else Path(choice).expanduser()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "eagle-mllm"


def key_of(*parts: Any) -> bytes:
    """A key from everything that matters: plain JSON values."""
    text = json.dumps([_FORMAT, *parts], sort_keys=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=24).digest()


def pixels_digest(image: RGBImage) -> str:
    """Stands for the pixels of an image in a key."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=24)
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _connected(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        folder / FILE,
        timeout=_PATIENCE_SECONDS,
        isolation_level=None,  # each statement is on disk by itself
        check_same_thread=False,  # one at a time: there is a lock
    )
    connection.execute("PRAGMA synchronous = OFF")  # a crash of the machine may cost a score
    connection.execute(_TABLE)
    return connection
