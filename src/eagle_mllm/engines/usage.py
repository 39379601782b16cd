"""What was sent to the servers of a model, and how much may be."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eagle_mllm.errors import ModelError


@dataclass(kw_only=True)
class Usage:
    """What was sent so far, to all servers of a model, and how much may be."""

    max_requests: int | None = None
    requests: int = 0
    """Scoring and answering requests, each try counted: those a server may charge for."""

    retries: int = 0
    sent_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def left(self) -> int | None:
        """How many requests may still be sent; None for any number."""
        return None if self.max_requests is None else max(0, self.max_requests - self.requests)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def add(self, n_bytes: int, *, is_retry: bool) -> None:
        """Count a request that is about to be sent.

        Raises:
            ModelError: the budget is spent
        """
        with self._lock:
            if self.max_requests is not None and self.requests >= self.max_requests:
                raise ModelError(
                    f"the budget of {self.max_requests:,} requests is spent; what was scored is "
                    "kept in the cache, raise max_requests (--max-requests) to go on from there"
                )
            self.requests += 1
            self.retries += is_retry
            self.sent_bytes += n_bytes
