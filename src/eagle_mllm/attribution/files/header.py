"""The header of a stored attribution: everything but its arrays, as JSON.

What is read here was written by others: every value is checked for its type, and whatever could not
be written again is refused.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from eagle_mllm.attribution.conversation import Conversation
from eagle_mllm.attribution.files.archive import Malformed
from eagle_mllm.attribution.generation import Generation, Span, Target
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.borders import reason

KIND = "eagle-attribution"
SCHEMA_VERSION = 1

_TURNS = "conversation"
_MOST_LEVELS = 64
_LARGEST_INTEGER = (1 << 63) - 1


# ---- writing ----


def encoded(attribution: Attribution) -> bytes:
    """The header as JSON.

    Raises:
        TypeError: a value in the provenance is not JSON
        ValueError: a number is not finite, or a text not Unicode
        RecursionError: the provenance nests too deeply
    """
    header = _header(attribution)
    _require_writable(header)
    return json.dumps(header, allow_nan=False).encode("ascii")


def _header(attribution: Attribution) -> dict[str, Any]:
    generation, target = attribution.generation, attribution.target
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "method": attribution.method,
        "forward_passes": int(attribution.forward_passes),
        "seconds": float(attribution.seconds),
        "objective": None if attribution.objective is None else asdict(attribution.objective),
        "generation": {
            "prompt": generation.prompt,
            "text": generation.text,
            "ids": _plain(generation.ids),
            "tokens": list(generation.tokens),
            "spans": [_plain(span) for span in generation.spans],
            "special": [bool(flag) for flag in generation.special],
            "image_path": generation.image_path,
            **({} if generation.rendered is None else {"rendered": generation.rendered}),
            **({} if (turns := generation.conversation) is None else {_TURNS: turns.messages}),
        },
        "target": {
            "positions": _plain(target.positions),
            "ids": _plain(target.ids),
            "text": target.text,
            "is_counterfactual": target.is_counterfactual,
        },
        "regions": {"method": attribution.regions.method, "asked": attribution.regions.asked},
        "trace": {"searched": int(attribution.trace.searched)},
        **({"sensitive": _plain(attribution.sensitive)} if attribution.sensitive else {}),
        **({"unseen": _plain(attribution.unseen)} if attribution.unseen else {}),
        "provenance": dict(attribution.provenance),
    }


def _plain(integers: Iterable[int]) -> list[int]:
    return [int(integer) for integer in integers]


def _require_writable(header: Mapping[str, Any]) -> None:
    _require_shallow(header, _MOST_LEVELS)
    json.dumps(header, allow_nan=False, ensure_ascii=False).encode("utf-8")


def _require_shallow(value: Any, levels: int) -> None:
    if levels == 0:
        raise RecursionError
    if isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            _require_shallow(item, levels - 1)


# ---- reading ----


def decoded(data: bytes) -> dict[str, Any]:
    """The header of a file of this version or an older one.

    Raises:
        Malformed: it is something else, or a newer version of this package wrote it
    """
    try:
        header = json.loads(data)
        if isinstance(header, dict):
            _require_writable(header)
    except (RecursionError, ValueError) as error:
        raise Malformed(f"its header is not JSON ({reason(error)})") from error
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise Malformed(f"its kind is not {KIND!r}")
    version = value(header, "schema_version", int)
    if version > SCHEMA_VERSION:
        raise Malformed(
            f"it has schema version {version}, this eagle-mllm knows up to {SCHEMA_VERSION}: "
            "upgrade eagle-mllm"
        )
    if version < 1:
        raise Malformed(f"its schema version is {version}")
    return header


def value(part: Mapping[str, Any], key: str, *kinds: type) -> Any:
    """An entry of one of some types.

    Raises:
        Malformed: there is none, or it has another type
    """
    if key not in part:
        raise Malformed(f"its header has no {key!r}")
    if not _is_one_of(part[key], kinds):
        wanted = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise Malformed(f"{key!r} in its header is {part[key]!r:.40}, expected {wanted}")
    return part[key]


def values(part: Mapping[str, Any], key: str, kind: type) -> tuple[Any, ...]:
    """An entry that is a list of one type.

    Raises:
        Malformed: there is none, or it has another type
    """
    found = value(part, key, list)
    if not all(_is_one_of(item, (kind,)) for item in found):
        raise Malformed(f"{key!r} in its header is not a list of {kind.__name__}")
    return tuple(found)


def _is_one_of(item: Any, kinds: tuple[type, ...]) -> bool:
    # By exact type: to isinstance, True is an integer. Larger integers fit into no array.
    return type(item) in kinds and (type(item) is not int or abs(item) <= _LARGEST_INTEGER)


def generation_of(part: Mapping[str, Any], image: np.ndarray) -> Generation:
    """The answer that `generation` in a header describes, about an image.

    Raises:
        Malformed: a value has another type
        ModelError: the values do not fit together
    """
    spans = values(part, "spans", list)
    if not all(len(span) == 2 and all(_is_one_of(edge, (int,)) for edge in span) for span in spans):
        raise Malformed("'spans' in its header is not a list of [start, stop]")
    return Generation(
        image=image,
        prompt=value(part, "prompt", str),
        text=value(part, "text", str),
        ids=values(part, "ids", int),
        tokens=values(part, "tokens", str),
        spans=tuple(Span(*span) for span in spans),
        special=values(part, "special", bool),
        image_path=value(part, "image_path", str, type(None)),
        rendered=value(part, "rendered", str) if "rendered" in part else None,
        conversation=Conversation.from_messages(part[_TURNS]) if _TURNS in part else None,
    )


def objective_of(part: Mapping[str, Any] | None) -> Objective | None:
    """The objective that `objective` in a header describes.

    Raises:
        Malformed: a weight is not a number
        SettingError: a weight is out of its range, or the scale unknown
    """
    if part is None:
        return None
    return Objective(
        insight=value(part, "insight", float, int),
        necessity=value(part, "necessity", float, int),
        **({"scale": value(part, "scale", str)} if "scale" in part else {}),
    )


def target_of(part: Mapping[str, Any], *, n_answer: int) -> Target:
    """The tokens that `target` in a header describes, of an answer of so many.

    Raises:
        Malformed: a value has another type, or a position lies outside the answer
        TargetError: the values do not fit together
    """
    positions = values(part, "positions", int)
    if any(not 0 <= position < n_answer for position in positions):
        raise Malformed(f"its target lies at {positions}, the answer has {n_answer} tokens")
    return Target(
        positions=positions,
        ids=values(part, "ids", int),
        text=value(part, "text", str),
        is_counterfactual=value(part, "is_counterfactual", bool),
    )
