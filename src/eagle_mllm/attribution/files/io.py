"""Attributions on disk: one `.npz` file each, readable with NumPy alone.

The arrays are compressed members of the archive; everything else is JSON in the member `header`.
The layout is described in docs/file-format.md. Nothing is ever unpickled.
"""

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.files.archive import Malformed, StoredArray, packed, stored_arrays
from eagle_mllm.attribution.files.header import (
    decoded,
    encoded,
    generation_of,
    objective_of,
    target_of,
    value,
    values,
)
from eagle_mllm.attribution.image_files import MAX_PIXELS
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.borders import border, file_bytes, reason
from eagle_mllm.errors import EagleError, ResultError

_TRACE = ("order", "insertion", "deletion", "area", "insertion_predicted", "deletion_predicted")
_ARRAYS = ("header", "labels", "merges", "image", "saliency", *_TRACE)

# A pixel takes 1 to 4 bytes for its region, 3 for its color and 4 for its saliency. The rest is for
# the trace, and for more regions and tokens than anybody has had so far.
_BYTES_PER_PIXEL = 12
_LARGEST_HEADER = 1 << 24

_NOTHING: Mapping[str, np.ndarray] = {}

_Arrays = dict[str, np.ndarray]
_Stored = dict[str, StoredArray]


def save(
    attribution: Attribution,
    path: str | os.PathLike[str],
    *,
    more: Mapping[str, np.ndarray] = _NOTHING,
) -> None:
    """Write an attribution to one `.npz` file.

    The file appears whole or not at all, and the same attribution gives the same bytes.
    `Generation.encode` is a function of the model and is not stored.

    Args:
        attribution: what to keep
        path: where; its folder must exist. A file of that name is replaced
        more: further arrays for the same file, which `load` passes over

    Raises:
        ResultError: the file cannot be written, a text is not Unicode, or the provenance is not
            plain JSON
    """
    try:
        header = encoded(attribution)
    except (TypeError, ValueError, RecursionError) as error:
        raise ResultError(
            f"cannot write {path}: {reason(error)}; keep only plain JSON values in the provenance"
        ) from error
    data = packed({**_arrays(attribution), **more, "header": np.frombuffer(header, dtype=np.uint8)})
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def load(path: str | os.PathLike[str], *, max_pixels: int | None = MAX_PIXELS) -> Attribution:
    """Read an attribution that `save` wrote: `load` after `save` is the identity.

    Args:
        path: the `.npz` file
        max_pixels: the most memory to use, in pixels: 12 bytes for each, by default 1 GB, which is
            enough for a picture of 89 million pixels; None for no limit

    Returns:
        An equal attribution; its generation has no `encode`

    Raises:
        ResultError: there is no such file, it is damaged or something else, it unpacks to more
            than `max_pixels` allow, or a newer version of this package wrote it
    """
    return load_with(path, (), max_pixels=max_pixels)[0]


def load_with(
    path: str | os.PathLike[str], names: Collection[str], *, max_pixels: int | None = MAX_PIXELS
) -> tuple[Attribution, dict[str, np.ndarray]]:
    """The same as `load`, and those of some further arrays that the file has, by name.

    Args:
        path: the `.npz` file
        names: of the further arrays, none larger than a truth value for each pixel or a header
        max_pixels: as in `load`

    Raises:
        ResultError: as in `load`
    """
    limit = sys.maxsize if max_pixels is None else max_pixels * _BYTES_PER_PIXEL
    with border(ResultError, f"cannot read {path}", advice="expected a file written by save"):
        try:
            return _loaded(file_bytes(Path(path), limit=limit + _LARGEST_HEADER), limit, names)
        except EagleError as error:  # values that cannot be, from a file that can be read
            raise Malformed(str(error)) from error


# ---- writing ----


def _arrays(attribution: Attribution) -> _Arrays:
    regions, trace = attribution.regions, attribution.trace
    return {
        "labels": regions.labels.astype(np.min_scalar_type(len(regions) - 1)),
        **({} if regions.merges is None else {"merges": regions.merges}),
        "image": attribution.generation.image,
        **{name: getattr(trace, name) for name in _TRACE},
        "saliency": attribution.saliency,
    }


# ---- reading ----


def _loaded(
    data: bytes, limit: int, names: Collection[str]
) -> tuple[Attribution, dict[str, np.ndarray]]:
    stored = stored_arrays(data, (*_ARRAYS, *names))
    header = decoded(_header_bytes(stored))
    _check_arrays(stored, n_tokens=len(values(value(header, "target", dict), "ids", int)))
    size = sum(array.nbytes for name, array in stored.items() if name != "header")
    if size > limit:
        raise Malformed(
            f"its arrays take {size:,} bytes, more than the {limit:,} that max_pixels allows; "
            "raise max_pixels"
        )
    arrays = {name: array.read() for name, array in stored.items()}
    further = {name: arrays.pop(name) for name in names if name in arrays}
    return _attribution(header, arrays), further


def _header_bytes(stored: _Stored) -> bytes:
    if "header" not in stored:
        raise Malformed("it has no header, so it does not hold an attribution")
    if stored["header"].nbytes > _LARGEST_HEADER:
        raise Malformed(f"its header is larger than {_LARGEST_HEADER:,} bytes")
    return stored["header"].read().tobytes()


def _check_arrays(stored: _Stored, *, n_tokens: int) -> None:
    """Compare types and shapes before anything is unpacked.

    Raises:
        Malformed: an array is missing, or is not what the others and the header say
    """
    labels = _named(stored, "labels", "unsigned integers", np.unsignedinteger)
    order = _named(stored, "order", "integers", np.signedinteger)
    if len(labels.shape) not in (2, 3) or 0 in labels.shape:
        raise Malformed(f"labels has shape {labels.shape}, expected (h, w) or (frames, h, w)")
    if len(order.shape) != 1:
        raise Malformed(f"order has shape {order.shape}, expected one region after the other")
    n_regions = order.shape[0]
    scores = (n_regions + 1, n_tokens)
    expected: dict[str, tuple[tuple[int, ...], str, type[np.generic]]] = {
        "image": ((*labels.shape, 3), "bytes", np.uint8),
        "saliency": (labels.shape, "floats", np.floating),
        "area": ((n_regions + 1,), "floats", np.floating),
        "insertion": (scores, "floats", np.floating),
        "deletion": (scores, "floats", np.floating),
        "insertion_predicted": (scores, "integers", np.signedinteger),
        "deletion_predicted": (scores, "integers", np.signedinteger),
    }
    if "merges" in stored:  # files of older versions have none
        expected["merges"] = ((n_regions - 1, 2), "integers", np.signedinteger)
    for name, (shape, words, kind) in expected.items():
        array = _named(stored, name, words, kind)
        if array.shape != shape:
            raise Malformed(
                f"{name} has shape {array.shape}, expected {shape} "
                f"for labels of shape {labels.shape}, {n_regions} regions and {n_tokens} tokens"
            )


def _named(stored: _Stored, name: str, words: str, kind: type[np.generic]) -> StoredArray:
    if name not in stored:
        raise Malformed(f"it has no array {name!r}")
    if not np.issubdtype(stored[name].dtype, kind):
        raise Malformed(f"{name} holds {stored[name].dtype}, expected {words}")
    return stored[name]


def _attribution(header: Mapping[str, Any], arrays: _Arrays) -> Attribution:
    largest, n_regions = int(arrays["labels"].max()), len(arrays["order"])
    if largest != n_regions - 1:  # before a smaller type hides it
        raise Malformed(f"its labels reach {largest}, expected {n_regions - 1} as order does")
    regions = value(header, "regions", dict)
    generation = generation_of(value(header, "generation", dict), arrays["image"])
    return Attribution(
        method=value(header, "method", str),
        generation=generation,
        target=target_of(value(header, "target", dict), n_answer=len(generation.ids)),
        regions=Regions(
            labels=arrays["labels"].astype(np.int32),
            method=value(regions, "method", str),
            asked=value(regions, "asked", int, type(None)),
            merges=arrays.get("merges"),
        ),
        trace=Trace(
            **{name: arrays[name] for name in _TRACE},
            searched=value(value(header, "trace", dict), "searched", int),
        ),
        saliency=arrays["saliency"],
        sensitive=values(header, "sensitive", int) if "sensitive" in header else (),
        unseen=values(header, "unseen", int) if "unseen" in header else (),
        objective=objective_of(value(header, "objective", dict, type(None))),
        forward_passes=value(header, "forward_passes", int),
        seconds=value(header, "seconds", float, int),
        provenance=value(header, "provenance", dict),
    )
