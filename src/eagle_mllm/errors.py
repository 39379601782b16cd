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
