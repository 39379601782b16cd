"""What a setting may be, whatever it is for: values that every file and every key can hold."""

import math
from collections.abc import Mapping

from eagle_mllm.errors import SettingError

_DEEPEST = 16
_LARGEST = 2**63


def require_plain(settings: object) -> None:
    """Refuse values that no setting has and that JSON cannot hold.

    Args:
        settings: tables, lists and values, as a TOML file gives them

    Raises:
        SettingError: a number is NaN, infinite or beyond 64 bits, a text is not Unicode or has a
            zero byte, or tables and lists nest more than 16 deep
    """
    waiting: list[tuple[str, object, int]] = [("", settings, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise SettingError(f"{place:.80} nests more than {_DEEPEST} deep; write it flat")
        if isinstance(value, Mapping):
            _require_text(place, *map(str, value))
            waiting += [
                (f"{place}.{key}".strip("."), item, depth + 1) for key, item in value.items()
            ]
        elif isinstance(value, list | tuple):
            waiting += [(place, item, depth + 1) for item in value]
        elif isinstance(value, str):
            _require_text(place, value)
        elif isinstance(value, int | float):
            _require_number(place, value)


def _require_text(place: str, *texts: str) -> None:
    for text in texts:
        if "\0" in text or text != text.encode("utf-8", "replace").decode():
            raise SettingError(f"{place} is {text!r:.80}; expected text in Unicode, no zero byte")


def _require_number(place: str, value: int | float) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{place} is {value}; expected a number")
    if not -_LARGEST <= value < _LARGEST:
        raise SettingError(f"{place} is beyond 64 bits; expected a smaller number")
