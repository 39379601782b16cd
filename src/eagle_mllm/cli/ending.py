"""What ends a search before its budget is spent: Ctrl-C, once, or the time of `--time`."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from eagle_mllm.attribution.ending import Enough, time_limit
from eagle_mllm.cli.problems import note
from eagle_mllm.cli.progress import OnPass


@contextmanager
def ending(on_pass: OnPass, *, seconds: float | None) -> Iterator[OnPass]:
    """An `on_pass` that also ends the search after a Ctrl-C, and after some time.

    A second Ctrl-C aborts, as the first does outside the block.

    Args:
        on_pass: what else is to be done
        seconds: how long to search; None is no limit
    """
    limit = None if seconds is None else time_limit(seconds)
    with _interrupted() as asked:

        def ended(done: int) -> None:
            on_pass(done)
            if asked.is_set():
                if not told:
                    told.append(True)
                    note("interrupted: writing what was found so far; Ctrl-C again aborts")
                raise Enough
            if limit is not None:
                limit(done)

        told: list[bool] = []
        yield ended


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C; the next one is what it was before."""
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    # In another thread Python handles no signal; an ignored one, as of a job of `nohup`, stays so.
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield asked
        return

    def first(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
