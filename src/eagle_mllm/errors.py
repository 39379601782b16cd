"""Everything EAGLE raises on purpose.

    EagleError
    ├── ImageError          an image cannot be read or used
    ├── RegionError         a partition of the image cannot be made
    ├── TargetError         the tokens to explain cannot be found
    ├── ModelError          a model cannot be loaded, or misbehaves
    ├── DataError           a data set cannot be read at all
    ├── ResultError         a stored result cannot be read or written
    ├── SettingError        a setting of a method or search is out of its range
    └── MissingDependency   an optional package is not installed

Each class also inherits the built-in that fits, so that `except ValueError` keeps working.
A message says what was wrong, what was expected and what to do, in one line.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them.

    >>> did_you_mean("gredy", ["greedy", "windowed"])
    "did you mean 'greedy'?"

    Args:
        name: what was asked for
        known: what there is
        cutoff: how alike a name must be to be suggested, in [0, 1]
    """
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=cutoff)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}"


class EagleError(Exception):
    """Base of every error raised on purpose by this package."""


class ImageError(EagleError, ValueError):
    """An image is missing, unreadable, or cannot be explained as it is."""


class RegionError(EagleError, ValueError):
    """A partition of the image into regions is impossible or malformed."""


class TargetError(EagleError, LookupError):
    """The requested word, span or token is not in the answer."""


class ModelError(EagleError, RuntimeError):
    """A model cannot be loaded, has no image input, or returned unusable numbers."""


class DataError(EagleError, ValueError):
    """A data set cannot be read at all: no such file, another format, an impossible value."""


class ResultError(EagleError, ValueError):
    """A stored result is corrupted, comes from a newer version, or cannot be written."""


class SettingError(EagleError, ValueError):
    """A setting of a method or search is out of its range."""


class MissingDependency(EagleError, ImportError):
    """An optional package is needed; the message holds the `pip install` line."""
