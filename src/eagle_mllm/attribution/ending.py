"""How a search is told from outside that what it has is enough."""

from collections.abc import Callable
from time import monotonic


class Enough(Exception):
    """Raised by `on_pass`: the search ends, and the best order so far becomes the result.

    The trace of that order is scored to its end, whatever `on_pass` raises meanwhile. A method
    that does not search goes on as if nothing had been raised.
    """


def time_limit(seconds: float) -> Callable[[int], None]:
    """An `on_pass` that ends the search after some time, counted from this call.

    The trace of the order that was found may take up to 2 N images longer, for N regions.

    Args:
        seconds: how long to search; later targets of `attribute_each` have what is left
    """
    end = monotonic() + seconds

    def on_pass(_passes: int) -> None:
        if monotonic() >= end:
            raise Enough

    return on_pass
