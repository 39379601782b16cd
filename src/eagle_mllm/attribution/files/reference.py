"""Results in the layout of the reference code, to and from.

The reference keeps two files for a sample: `json/NAME.json` with the curves and `npy/NAME.npy`
with the regions as int64 masks `(N, h, w, 1)` in search order. Its row r = 1..N holds the scores
after r regions; the empty set (r = 0) stands apart, as `baseline_score` (nothing shown) and
`org_score` (everything shown). docs/file-format.md lists the keys and who reads them.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.npy import array_of
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.borders import border, file_bytes, reason
from eagle_mllm.errors import ResultError

_SCORES = ("insertion_word_score", "deletion_word_score", "org_score", "baseline_score")
_TARGET = ("selected_interpretation_token_id", "selected_interpretation_token_word_id")
_READ = (*_SCORES, *_TARGET, "region_area")
_DERIVED = ("insertion_score", "deletion_score", "smdl_score", "sub-region_number")
# The reference sums areas in float32; more than this is another sample's file.
_AREA_TOLERANCE = 1e-3
# Far more than 157 MB, what 64 masks of 640 x 480 pixels take.
_MOST_BYTES = 1 << 33


@dataclass(frozen=True, kw_only=True)
class ReferenceResult:
    """What can be recovered from a result of the reference code.

    It numbers no regions: here region r is the one that was picked r-th, so the order is
    0..N-1. It stores neither image, prompt nor predicted tokens: `trace.insertion_predicted`
    and `trace.deletion_predicted` are -1, which is not a vocabulary id.
    """

    regions: Regions
    """The masks as a partition, in search order."""
    trace: Trace
    """Order, curves and areas."""
    target: Target
    """Positions and vocabulary ids; its text is the explained words."""
    objective: Objective
    """The reference's lambda1 (insight) and lambda2 (necessity)."""
    other: Mapping[str, Any] = field(default_factory=dict)
    """Every further key of the JSON file, such as `label`, `location`, `segmentation` or
    `revised_answering`."""


def export_reference(
    attribution: Attribution,
    folder: str | os.PathLike[str],
    name: str,
    *,
    other: Mapping[str, Any] | None = None,
) -> tuple[Path, Path]:
    """Write an attribution so that the reference code's evaluation and figures read it.

    The masks take 8 bytes per pixel and region: 157 MB for 640x480 pixels and 64 regions. The
    reference's pointing game takes `.npy` files for masks only where the path contains
    `interpretation_results`, and finds the image as `NAME.jpg`.

    Args:
        attribution: what to write
        folder: gets the folders `json` and `npy`; made if missing
        name: the file name without ending, the image's name in the reference
        other: further keys that a task of the reference reads: `location`, `segmentation` and
            `select_category` (pointing game), `label` and `revised_answering` (hallucination)

    Returns:
        The paths of the JSON file and of the NumPy file

    Raises:
        ResultError: a file cannot be written, or `other` is not JSON or repeats a key
    """
    content = _content(attribution)
    if repeated := sorted(content.keys() & (other or {}).keys()):
        raise ResultError(f"other repeats {repeated[0]!r}, which the attribution gives; drop it")
    try:
        text = json.dumps({**content, **(other or {})}, ensure_ascii=False, indent=4)
        encoded = text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ResultError(f"cannot write {name}.json: {error}; give plain JSON values") from error
    json_path, npy_path = Path(folder, "json", f"{name}.json"), Path(folder, "npy", f"{name}.npy")
    for path in (json_path, npy_path):
        _make_folder(path.parent)
    # The JSON file last: to the reference a sample that has one is finished.
    with atomic_write(npy_path) as temporary, temporary.open("wb") as file:
        np.save(file, _masks(attribution), allow_pickle=False)
    with atomic_write(json_path) as temporary:
        temporary.write_bytes(encoded)
    return json_path, npy_path


def import_reference(
    json_path: str | os.PathLike[str], npy_path: str | os.PathLike[str]
) -> ReferenceResult:
    """Read a result that the reference code (or `export_reference`) wrote.

    Both of its searches are read. Incomplete orders (its early stopping) and the dense maps of
    its baselines are refused: a trace goes to the last region.

    Args:
        json_path: the scores
        npy_path: the masks `(N, h, w, 1)` in search order

    Returns:
        Regions, trace, target and objective

    Raises:
        ResultError: a file is missing, damaged or incomplete, or the two do not belong together
    """
    content = _read_json(Path(json_path))
    masks = _read_masks(Path(npy_path))
    try:
        return _result(content, masks)
    except Exception as error:  # a foreign file: also errors of ours need its name
        raise ResultError(f"cannot import {json_path}: {reason(error)}") from error


def _content(attribution: Attribution) -> dict[str, Any]:
    trace, generation = attribution.trace, attribution.generation
    target = attribution.target
    # The reference writes a score for every order, also of methods that sought none.
    objective = attribution.objective or Objective()
    insertion, deletion = trace.insertion[1:], trace.deletion[1:]
    content = {
        "insertion_score": _means(insertion),
        "deletion_score": _means(deletion),
        "smdl_score": np.asarray(objective(insertion, deletion)).tolist(),
        "insertion_word_score": insertion.tolist(),
        "deletion_word_score": deletion.tolist(),
        "region_area": _areas(attribution),
        "lambda1": objective.insight,
        "lambda2": objective.necessity,
        "sub-region_number": len(attribution.regions),
        "org_score": trace.deletion[0].tolist(),
        "baseline_score": trace.insertion[0].tolist(),
        "selected_interpretation_token_id": [int(position) for position in target.positions],
        "selected_interpretation_token_word_id": [int(token) for token in target.ids],
        "words": [generation.tokens[position] for position in target.positions],
        "output_word_id": [int(token) for token in generation.ids],
        "output_words": list(generation.tokens),
    }
    if target.is_counterfactual:
        content["counter_word_id"] = content["selected_interpretation_token_word_id"]
    return content


def _areas(attribution: Attribution) -> list[float]:
    """Shares of the whole image: the reference counts regions that the model never sees too."""
    if not attribution.unseen:
        return list(attribution.trace.area[1:].tolist())
    return list(np.cumsum(attribution.regions.areas[attribution.trace.order]).tolist())


def _means(scores: Float[np.ndarray, "steps tokens"]) -> list[float]:
    means: list[float] = scores.mean(axis=1, dtype=np.float64).tolist()
    return means


def _masks(attribution: Attribution) -> np.ndarray:
    labels, order = attribution.regions.labels, attribution.trace.order
    return np.asarray(labels[None, ..., None] == order[:, None, None, None], dtype=np.int64)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultError(f"cannot make the folder {folder}: {reason}") from error


def _read_json(path: Path) -> dict[str, Any]:
    with border(ResultError, f"cannot read {path}", advice="expected the scores in JSON"):
        content = json.loads(file_bytes(path, limit=_MOST_BYTES))
    if not isinstance(content, dict):
        raise ResultError(f"cannot read {path}: expected an object, one sample's scores")
    if missing := [key for key in _READ if key not in content]:
        raise ResultError(f"cannot read {path}: no {missing[0]!r}; is it a result of the search?")
    return content


def _read_masks(path: Path) -> Bool[np.ndarray, "regions h w"]:
    with border(ResultError, f"cannot read {path}", advice="expected masks in .npy"):
        masks = array_of(file_bytes(path, limit=_MOST_BYTES))
    if masks.ndim != 4 or masks.shape[3] != 1:
        raise ResultError(
            f"cannot read {path}: it holds {masks.shape}, expected masks (N, h, w, 1); "
            "a baseline's dense map has no search order"
        )
    if masks.size == 0 or not np.isin(masks, (0, 1)).all():
        raise ResultError(f"cannot read {path}: expected masks of zeros and ones")
    shown = np.asarray(masks[..., 0] == 1)
    if not (shown.sum(axis=0) == 1).all():
        raise ResultError(
            f"cannot read {path}: {shown.any(axis=0).mean():.1%} of the pixels are covered, some "
            "perhaps twice; expected each pixel in one region (a complete search)"
        )
    return shown


def _result(content: dict[str, Any], masks: Bool[np.ndarray, "regions h w"]) -> ReferenceResult:
    n_regions = len(masks)
    insertion, deletion, org, baseline = (
        np.asarray(content[key], dtype=np.float32) for key in _SCORES
    )
    positions, ids = (_integers(content, key) for key in _TARGET)
    for key, scores in (("insertion", insertion), ("deletion", deletion)):
        if scores.shape != (n_regions, len(positions)):
            raise ValueError(
                f"{key}_word_score has shape {scores.shape}, "
                f"expected {(n_regions, len(positions))}: regions of the .npy file, tokens"
            )
    if org.shape != (len(positions),) or baseline.shape != org.shape:
        raise ValueError(f"org_score and baseline_score need {len(positions)} numbers each")
    regions = Regions(labels=masks.argmax(axis=0).astype(np.int32), method="masks")
    area = np.concatenate([[0.0], np.cumsum(regions.areas, dtype=np.float64)])
    _require_same_areas(area[1:], np.asarray(content["region_area"], dtype=np.float64))
    unknown = np.full((n_regions + 1, len(positions)), -1, dtype=np.int64)
    trace = Trace(
        order=np.arange(n_regions),
        insertion=np.concatenate([baseline[None], insertion]),
        deletion=np.concatenate([org[None], deletion]),
        area=area / area[-1],  # ends in 1 exactly
        insertion_predicted=unknown,
        deletion_predicted=unknown,
        searched=n_regions,
    )
    objective = Objective(
        insight=float(content.get("lambda1", 1.0)), necessity=float(content.get("lambda2", 1.0))
    )
    used = {*_READ, *_DERIVED, "lambda1", "lambda2", "words", "counter_word_id"}
    return ReferenceResult(
        regions=regions,
        trace=trace,
        target=Target(
            positions=positions,
            ids=ids,
            text=_text(content.get("words", "")),
            is_counterfactual="counter_word_id" in content,
        ),
        objective=objective,
        other={key: value for key, value in content.items() if key not in used},
    )


def _integers(content: Mapping[str, Any], key: str) -> tuple[int, ...]:
    integers = content[key]
    if not isinstance(integers, list) or any(type(integer) is not int for integer in integers):
        raise ValueError(f"{key} is {integers!r:.40}, expected a list of integers")
    return tuple(integers)


def _text(words: Any) -> str:
    # One word as the tokenizer spells it, for a single object; else one decoded text a token.
    return words if isinstance(words, str) else "".join(words)


def _require_same_areas(
    ours: Float[np.ndarray, " regions"], theirs: Float[np.ndarray, " ..."]
) -> None:
    if theirs.shape != ours.shape or np.abs(theirs - ours).max() > _AREA_TOLERANCE:
        raise ValueError("region_area does not fit the masks; are the two files of one sample?")
