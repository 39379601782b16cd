"""What a report says in words and numbers about one attribution."""

from collections.abc import Mapping
from typing import NamedTuple

from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.metrics.faithfulness import (
    deletion_auc,
    faithfulness_gap,
    insertion_auc,
    sensitive_tokens,
)
from eagle_mllm.printable import printable

_MOST_NUMBERED = 10
_SAID_ELSEWHERE = ("method", "objective")


class Fact(NamedTuple):
    """One row of a table: a name, its value as text, and what it means."""

    name: str
    value: str
    meaning: str


def metrics_of(attribution: Attribution) -> tuple[Fact, ...]:
    """The numbers that judge an attribution, ready to print."""
    trace = attribution.trace
    evidence = attribution.reliance.evidence
    return (
        Fact(
            "Insertion AUC",
            number(insertion_auc(trace)),
            "showing the regions, most decisive first; higher is better",
        ),
        Fact(
            "Deletion AUC",
            number(deletion_auc(trace)),
            "removing the regions, most decisive first; lower is better",
        ),
        Fact("Gap", number(faithfulness_gap(trace)), "insertion minus deletion AUC"),
        Fact(
            "Evidence",
            number(float(evidence.mean())),
            "0: language prior, 1: perceptual evidence; mean over the target’s tokens",
        ),
    )


def numbered(attribution: Attribution) -> int:
    """How many regions get a number, from the most decisive: none where none has an effect."""
    if not attribution.trace.has_effect:
        return 0
    return min(_MOST_NUMBERED, len(attribution.regions) - len(attribution.unseen))


def notes_of(attribution: Attribution) -> tuple[str, ...]:
    """What a reader must know in order not to misread the pictures, a line each."""
    unseen, notes = len(attribution.unseen), []
    if unseen:
        regions = "1 region" if unseen == 1 else f"{unseen} regions"
        notes.append(f"hatched: {regions} that the model never sees")
    if not attribution.trace.has_effect:
        notes.append("no region has any effect on this target: there is nothing to rank")
    if attribution.ended_early:
        notes.append("the search was ended early: this is the best order until then")
    if _seeks_all_for_want(attribution):
        notes.append("no token is so sensitive to the image as was asked: all of them are sought")
    return tuple(notes)


def _seeks_all_for_want(attribution: Attribution) -> bool:
    settings = attribution.provenance.get("settings")
    threshold = settings.get("sensitive") if isinstance(settings, Mapping) else None
    if not isinstance(threshold, int | float):
        return False
    return not len(sensitive_tokens(attribution.trace, threshold=threshold))


def facts_of(attribution: Attribution) -> tuple[Fact, ...]:
    """How an attribution was made, ready to print."""
    regions = attribution.regions
    height, width = attribution.generation.image.shape[:2]
    asked = "" if regions.asked in (None, len(regions)) else f", {regions.asked} asked"
    return (
        *_earlier(attribution.generation),
        Fact("Model", model_name(attribution), _model_details(attribution)),
        Fact("Method", attribution.method, _settings(attribution)),
        Fact("Regions", f"{len(regions)} ({regions.method}{asked})", f"{width} × {height} pixels"),
        *_objective(attribution),
        Fact("Forward passes", str(attribution.forward_passes), "images scored by the model"),
        Fact("Time", duration(attribution.seconds), ""),
        Fact("Software", _software(attribution), ""),
    )


def _earlier(generation: Generation) -> tuple[Fact, ...]:
    """What was said before the prompt, if anything was."""
    asked = generation.conversation
    if asked is None:
        return ()
    said = [f"{turn.role}: {turn.text}" for turn in asked.turns[:-1]]
    system = [] if asked.system is None else [f"system: {asked.system}"]
    return (Fact("Before the prompt", " / ".join(map(printable, [*system, *said])), ""),)


def _objective(attribution: Attribution) -> tuple[Fact, ...]:
    objective, n_tokens = attribution.objective, len(attribution.sensitive)
    if objective is None:
        return ()
    weights = f"{objective.insight:g} · insight + {objective.necessity:g} · necessity"
    scale = [] if objective.scale == "probability" else [f"of {objective.scale}"]
    sought = [f"on {n_tokens} sensitive of {len(attribution.target)} tokens"] if n_tokens else []
    return (Fact("Objective", weights, ", ".join([*scale, *sought])),)


def model_name(attribution: Attribution) -> str:
    """The model's id as recorded, or a dash."""
    return _recorded(attribution.provenance, "model", "id") or "–"


def number(value: float) -> str:
    """A score with three decimals and a true minus sign; a missing one as a dash."""
    return "–" if value != value else f"{value:.3f}".replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds as people write them.

    Examples:
        >>> duration(0.0312), duration(12.34), duration(754.0), duration(7260.0)
        ('31 ms', '12.3 s', '12 min 34 s', '2 h 1 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _model_details(attribution: Attribution) -> str:
    model = attribution.provenance.get("model")
    keys = ("family", "dtype", "device", "revision")
    found = [_recorded({"model": model}, "model", key) for key in keys]
    return ", ".join(value for value in found if value)


def _settings(attribution: Attribution) -> str:
    settings = attribution.provenance.get("settings")
    if not isinstance(settings, Mapping):
        return ""
    plain = {key: value for key, value in settings.items() if key not in _SAID_ELSEWHERE}
    return ", ".join(f"{key}: {_short(value)}" for key, value in plain.items())


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_short(item)}" for key, item in value.items()) + "}"
    return str(value)


def _software(attribution: Attribution) -> str:
    recorded = attribution.provenance
    parts = [f"eagle-mllm {version}" if (version := recorded.get("eagle")) else "eagle-mllm"]
    commit = _recorded(recorded, "git", "commit")
    parts += [f"commit {commit[:10]}"] if commit else []
    parts += [
        f"{name} {version}"
        for name in ("torch", "transformers")
        if (version := _recorded(recorded, "packages", name))
    ]
    parts += [f"Python {version}" if (version := recorded.get("python")) else ""]
    return ", ".join(part for part in parts if part)


def _recorded(provenance: Mapping[str, object], section: str, key: str) -> str | None:
    """A text from the provenance; files of other programs may lack any of it."""
    found = provenance.get(section)
    value = found.get(key) if isinstance(found, Mapping) else None
    return None if value is None else str(value)
