"""Python's search for cyclic garbage, put off where everything that is made stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """A block whose objects stay, such as imports and reading weights.

    A search for garbage in cycles looks at every object there is, and torch and transformers make
    millions: while they are imported, it takes a seventh of the time and finds nothing. What was
    made in the block counts as old afterwards, so that the next search does not begin with it.

    Where the search is off, or objects were taken out of it (`gc.freeze`), all stays as it is.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()
