"""Signals that ask a command to end: treated as Ctrl-C, and never in the middle of a move."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def end_tidily() -> None:
    """Let SIGTERM and a closed terminal unwind this process instead of killing it on the spot.

    What was begun is then cleared away, and the exit code is 128 plus the number of the signal. A
    signal that is ignored, as under `nohup`, stays ignored.
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Signals that arrive during the block take effect after it.

    Python interrupts only the main thread by a signal, so in any other one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    deferred = {number: old for number, old in handlers.items() if old not in _UNTOUCHABLE}
    for number in deferred:
        signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in deferred.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(arrived):
            signal.raise_signal(number)


@contextmanager
def tidy_stack() -> Iterator[ExitStack]:
    """An `ExitStack` that no signal keeps from undoing what was done."""
    stack = ExitStack()
    try:
        yield stack
    finally:
        with signals_deferred():
            stack.close()


# Ignored, or set by something other than Python, which could not be put back.
_UNTOUCHABLE = (signal.SIG_IGN, None)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
