"""Signal handlers of Python's, kept while a library has handlers of its own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_STOPS = (signal.SIGINT, signal.SIGTERM)


class SignalHandlers:
    """What Ctrl-C and SIGTERM meant before a library was started, and still mean.

    Ray's core answers SIGTERM with a trace of its own and aborts; and where a handler ends the
    process while Ray waits, Ray replaces the exit code by 1.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._exit: SystemExit | None = None

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Whatever the block does to signals, they mean afterwards what they meant before."""
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _STOPS}
            # None is a handler that was not set by Python, and cannot be set again.
            self._before = {number: set_ for number, set_ in handlers.items() if set_ is not None}
        try:
            yield
        finally:
            for number, handler in self._before.items():
                signal.signal(number, self._remembering if callable(handler) else handler)

    @contextmanager
    def exit_code_kept(self) -> Iterator[None]:
        """Let a handler's own `SystemExit` out of the block, not the one that Ray makes of it."""
        try:
            yield
        except SystemExit as replaced:
            raise self._exit or replaced from None

    def restore(self) -> None:
        """Set the handlers again that were set before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _remembering(self, number: int, frame: FrameType | None) -> None:
        try:
            self._before[number](number, frame)
        except SystemExit as stop:
            self._exit = stop
            raise
