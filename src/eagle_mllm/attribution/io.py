"""Attributions on disk: one `.npz` file each, readable with NumPy alone.

The arrays are compressed members of the archive; everything else is JSON in the member `header`.
The layout is described in docs/file-format.md. Nothing is ever unpickled.
"""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.generation import Generation, Span, Target
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError

KIND = "eagle-attribution"
SCHEMA_VERSION = 1

_TRACE = ("order", "insertion", "deletion", "area", "insertion_predicted", "deletion_predicted")

_Arrays = dict[str, np.ndarray]

# What zipfile, json and NumPy raise on damaged files, and the value classes on absurd contents.
_REFUSALS: tuple[type[Exception], ...] = (
    *(ArithmeticError, EOFError, LookupError, MemoryError, RuntimeError, TypeError, ValueError),
    *(zipfile.BadZipFile, zlib.error),
)


class _Malformed(ValueError):
    """What is wrong with a file; `load` adds which file and what to do."""


def save(attribution: Attribution, path: str | os.PathLike[str]) -> None:
    """Write an attribution to one `.npz` file.

    The file appears whole or not at all, and the same attribution gives the same bytes.
    `Generation.encode` is a function of the model and is not stored.

    Args:
        attribution: What to keep.
        path: Where; its folder must exist. A file that stands there is replaced.

    Raises:
        ResultError: If the file cannot be written, or the provenance is not plain JSON.
    """
    arrays = _arrays(attribution)
    arrays["header"] = np.frombuffer(_encoded(_header(attribution), path), dtype=np.uint8)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    with atomic_write(path) as temporary:
        temporary.write_bytes(packed.getbuffer())


def load(path: str | os.PathLike[str]) -> Attribution:
    """Read an attribution that `save` wrote: `load` after `save` is the identity.

    Args:
        path: The `.npz` file.

    Returns:
        An equal attribution; its generation has no `encode`.

    Raises:
        ResultError: If there is no such file, it is damaged or something else, or it was written
            by a newer version of this package.
    """
    try:
        arrays = _unpacked(Path(path))
        header = _decoded(arrays)
        _check_arrays(arrays, n_tokens=len(_list(_value(header, "target", dict), "ids", int)))
        return _attribution(header, arrays)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultError(f"cannot read {path}: {reason}; give a file written by save") from error
    except _REFUSALS as error:
        raise _cannot_read(path, error) from error


def _cannot_read(path: str | os.PathLike[str], error: Exception) -> ResultError:
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return ResultError(f"cannot read {path}: {reason}; expected a file written by save")


# ---- writing ----


def _arrays(attribution: Attribution) -> _Arrays:
    regions, trace = attribution.regions, attribution.trace
    return {
        "labels": regions.labels.astype(np.min_scalar_type(len(regions) - 1)),
        "image": attribution.generation.image,
        **{name: getattr(trace, name) for name in _TRACE},
        "saliency": attribution.saliency,
    }


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
        },
        "target": {
            "positions": _plain(target.positions),
            "ids": _plain(target.ids),
            "text": target.text,
            "is_counterfactual": target.is_counterfactual,
        },
        "regions": {"method": attribution.regions.method, "asked": attribution.regions.asked},
        "trace": {"searched": int(attribution.trace.searched)},
        "provenance": dict(attribution.provenance),
    }


def _plain(integers: Iterable[int]) -> list[int]:
    return [int(integer) for integer in integers]


def _encoded(header: Mapping[str, Any], path: str | os.PathLike[str]) -> bytes:
    try:
        text = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ResultError(
            f"cannot write {path}: {error}; keep only plain JSON values in the provenance"
        ) from error
    return text.encode("ascii")


# ---- reading ----


def _unpacked(path: Path) -> _Arrays:
    # Through zipfile, not np.load: reading a member whole is what checks its checksum.
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise _Malformed("it is no .npz file, or only the beginning of one")
        with zipfile.ZipFile(file) as archive:
            members = {Path(name): archive.read(name) for name in archive.namelist()}
    # A later package with the same schema may have added members of other kinds.
    return {
        name.stem: _array(name.stem, members[name]) for name in members if name.suffix == ".npy"
    }


def _array(name: str, data: bytes) -> np.ndarray:
    try:
        array: np.ndarray = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (EOFError, MemoryError, SyntaxError, TypeError, ValueError) as error:
        raise _Malformed(f"{name} is no array ({error})") from error
    return array


def _decoded(arrays: _Arrays) -> dict[str, Any]:
    if "header" not in arrays:
        raise _Malformed("it has no header, so it holds no attribution")
    try:
        header = json.loads(arrays["header"].tobytes())
    except (RecursionError, ValueError) as error:
        raise _Malformed(f"its header is not JSON ({error})") from error
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise _Malformed(f"its kind is not {KIND!r}")
    version = _value(header, "schema_version", int)
    if version > SCHEMA_VERSION:
        raise _Malformed(
            f"it has schema version {version}, this eagle-mllm knows up to {SCHEMA_VERSION}: "
            "upgrade eagle-mllm"
        )
    if version < 1:
        raise _Malformed(f"its schema version is {version}")
    return header


def _value(part: Mapping[str, Any], key: str, *kinds: type) -> Any:
    if key not in part:
        raise _Malformed(f"its header has no {key!r}")
    # By exact type: to isinstance, True is an integer.
    if type(part[key]) not in kinds:
        wanted = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise _Malformed(f"{key!r} in its header is {part[key]!r:.40}, expected {wanted}")
    return part[key]


def _list(part: Mapping[str, Any], key: str, kind: type) -> tuple[Any, ...]:
    values = _value(part, key, list)
    if any(type(value) is not kind for value in values):
        raise _Malformed(f"{key!r} in its header is not a list of {kind.__name__}")
    return tuple(values)


def _check_arrays(arrays: _Arrays, *, n_tokens: int) -> None:
    labels = _named(arrays, "labels", "unsigned integers", np.unsignedinteger)
    if labels.ndim < 2 or labels.size == 0:
        raise _Malformed(f"labels has shape {labels.shape}, expected (h, w) or (frames, h, w)")
    n_regions, scores = int(labels.max()) + 1, (int(labels.max()) + 2, n_tokens)
    expected: dict[str, tuple[tuple[int, ...], str, type[np.generic]]] = {
        "image": ((*labels.shape, 3), "bytes", np.uint8),
        "saliency": (labels.shape, "floats", np.floating),
        "order": ((n_regions,), "integers", np.signedinteger),
        "area": ((n_regions + 1,), "floats", np.floating),
        "insertion": (scores, "floats", np.floating),
        "deletion": (scores, "floats", np.floating),
        "insertion_predicted": (scores, "integers", np.signedinteger),
        "deletion_predicted": (scores, "integers", np.signedinteger),
    }
    for name, (shape, words, kind) in expected.items():
        array = _named(arrays, name, words, kind)
        if array.shape != shape:
            raise _Malformed(
                f"{name} has shape {array.shape}, expected {shape} "
                f"for {n_regions} regions and {n_tokens} target tokens"
            )


def _named(arrays: _Arrays, name: str, words: str, kind: type[np.generic]) -> np.ndarray:
    if name not in arrays:
        raise _Malformed(f"it has no array {name!r}")
    if not np.issubdtype(arrays[name].dtype, kind):
        raise _Malformed(f"{name} holds {arrays[name].dtype}, expected {words}")
    return arrays[name]


def _attribution(header: Mapping[str, Any], arrays: _Arrays) -> Attribution:
    regions = _value(header, "regions", dict)
    generation = _generation(_value(header, "generation", dict), arrays["image"])
    return Attribution(
        method=_value(header, "method", str),
        generation=generation,
        target=_target(_value(header, "target", dict), n_answer=len(generation.ids)),
        regions=Regions(
            labels=arrays["labels"].astype(np.int32),
            method=_value(regions, "method", str),
            asked=_value(regions, "asked", int, type(None)),
        ),
        trace=Trace(
            **{name: arrays[name] for name in _TRACE},
            searched=_value(_value(header, "trace", dict), "searched", int),
        ),
        saliency=arrays["saliency"],
        objective=_objective(_value(header, "objective", dict, type(None))),
        forward_passes=_value(header, "forward_passes", int),
        seconds=_value(header, "seconds", float, int),
        provenance=_value(header, "provenance", dict),
    )


def _generation(part: Mapping[str, Any], image: np.ndarray) -> Generation:
    spans = _list(part, "spans", list)
    if any(len(span) != 2 or any(type(edge) is not int for edge in span) for span in spans):
        raise _Malformed("'spans' in its header is not a list of [start, stop]")
    return Generation(
        image=image,
        prompt=_value(part, "prompt", str),
        text=_value(part, "text", str),
        ids=_list(part, "ids", int),
        tokens=_list(part, "tokens", str),
        spans=tuple(Span(*span) for span in spans),
        special=_list(part, "special", bool),
        image_path=_value(part, "image_path", str, type(None)),
    )


def _objective(part: Mapping[str, Any] | None) -> Objective | None:
    if part is None:
        return None
    return Objective(
        insight=_value(part, "insight", float, int),
        necessity=_value(part, "necessity", float, int),
    )


def _target(part: Mapping[str, Any], *, n_answer: int) -> Target:
    positions = _list(part, "positions", int)
    if any(not 0 <= position < n_answer for position in positions):
        raise _Malformed(f"its target lies at {positions}, the answer has {n_answer} tokens")
    return Target(
        positions=positions,
        ids=_list(part, "ids", int),
        text=_value(part, "text", str),
        is_counterfactual=_value(part, "is_counterfactual", bool),
    )
