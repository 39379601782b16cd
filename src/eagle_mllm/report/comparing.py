"""Explanations of one target by several methods, each with a name and a line of its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.errors import ResultError
from eagle_mllm.report.colors import LINES

_DASHES = ((), (4.0, 1.5), (1.0, 1.2))

_OF_NO_INTEREST = ("method", "batch_size")


class Compared(NamedTuple):
    """One of the explanations."""

    attribution: Attribution

    label: str
    """The method's name, with settings where another has the same; unlike any other's."""

    color: str
    """Of its lines, as `#rrggbb`."""

    dashes: tuple[float, ...]
    """Of its lines, in line widths: drawn and left out; none for a line without gaps."""


def is_comparison(attributions: Sequence[Attribution]) -> bool:
    """Whether there are several, all of one target of one answer."""
    first, *others = attributions
    return bool(others) and all(one.target == first.target for one in others)


def compared(attributions: Sequence[Attribution]) -> tuple[Compared, ...]:
    """The explanations with what tells them apart, in their order.

    Raises:
        ResultError: there are fewer than two, or they are not of one target of one answer
    """
    if len(attributions) < 2:
        raise ResultError(f"a comparison needs at least two attributions; got {len(attributions)}")
    first = attributions[0]
    for number, one in enumerate(attributions[1:], start=2):
        if one.generation != first.generation or one.target != first.target:
            raise ResultError(
                f"attribution {number} explains something else than the first one; a comparison "
                "is about one target of one answer"
            )
    labels = _told_apart(_labels(attributions))
    return tuple(
        Compared(one, label, LINES[place % len(LINES)], _DASHES[place // len(LINES) % len(_DASHES)])
        for place, (one, label) in enumerate(zip(attributions, labels, strict=True))
    )


def _labels(attributions: Sequence[Attribution]) -> list[str]:
    """The methods; of those of one name also the settings by which they differ."""
    labels = []
    for one in attributions:
        alike = [_settings(other) for other in attributions if other.method == one.method]
        own = _settings(one)
        differing = [key for key in own if any(own[key] != other.get(key) for other in alike)]
        if own.get("ranking") == "pixels" and "ranking" not in differing:
            differing.append("ranking")
        labels.append(", ".join([one.method, *(_phrase(key, own[key]) for key in differing)]))
    return labels


def _settings(attribution: Attribution) -> Mapping[str, object]:
    settings = attribution.provenance.get("settings")
    if not isinstance(settings, Mapping):
        return {}
    return {key: value for key, value in settings.items() if key not in _OF_NO_INTEREST}


def _phrase(key: str, value: object) -> str:
    if key == "ranking":
        return f"by {value}"
    value = value.get("name", value) if isinstance(value, Mapping) else value
    return value if isinstance(value, str) else f"{key} {value}"


def _told_apart(labels: Sequence[str]) -> list[str]:
    counts, seen = Counter(labels), Counter[str]()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(f"{label} #{seen[label]}" if counts[label] > 1 else label)
    return found
