"""What is asked of every server before the first explanation, so that it fails in words."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import RGBImage
from eagle_mllm.engines.cache import Cache, key_of
from eagle_mllm.engines.engine import BatchEngine, Engine, Forced, Scores, prefix
from eagle_mllm.engines.pictures import png
from eagle_mllm.errors import ModelError

PROMPT = "Describe the image."
_ANSWER = "A."
_SIDE = 224

_SAME = 1e-3
"""Probabilities that differ by no more, beyond the noise, are those of the same model."""

_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a probe found."""

    fingerprint: tuple[float, ...]
    """Probabilities that tell this model from others behind the same name."""

    noise: float
    """The largest difference between equal requests, alone and two at once."""

    turn: int = 0
    """How many other models were behind the name before, as far as the cache knows."""


def picture() -> RGBImage:
    """Coloured slopes and squares: an image that looks like nothing and is not uniform."""
    down, across = np.mgrid[0:_SIDE, 0:_SIDE]
    squares = (down // 28 + across // 28) % 2 * 120
    return np.stack([down, across, squares], axis=-1).astype(np.uint8)


def probed(engine: Engine, cache: Cache, model: Sequence[str], *, is_reached: bool) -> Findings:
    """Try a server out. One that was tried before is asked once, whether it is still the same.

    Args:
        engine: which serves the model
        cache: that knows earlier findings
        model: what tells it from others, as far as the server says
        is_reached: whether the server answers; if not, what was found last counts

    Raises:
        ModelError: it cannot score, reads other tokens than ours, does not see the image, or is
            gone and was never probed
    """
    key = key_of("probe", list(model))
    known = [
        Findings(fingerprint=tuple(one["fingerprint"]), noise=one["noise"], turn=turn)
        for turn, one in enumerate(cache.get(key) or [])
    ]
    if known and not is_reached:
        return known[-1]
    forced = _question(engine)
    first = engine.score(png(picture()), forced)
    fingerprint = _probabilities(first)
    for findings in known:
        if _apart(fingerprint, findings.fingerprint) <= _SAME + 4 * findings.noise:
            return findings
    noise = _noise(engine, forced, first)
    findings = Findings(fingerprint=fingerprint, noise=noise, turn=len(known))
    kept = [{"fingerprint": one.fingerprint, "noise": one.noise} for one in (*known, findings)]
    cache.put(key, kept)
    return findings


def _question(engine: Engine) -> Forced:
    """The answer "A." with its end, or the first token where no other can be scored."""
    vocabulary = engine.vocabulary
    opened = vocabulary.open(picture(), PROMPT)
    if not engine.scores_answers:
        written = engine.write(png(picture()), opened, max_new_tokens=1)
        return prefix(opened, written[:1], vocabulary)
    ids, end = vocabulary.encode_answer(PROMPT, _ANSWER), vocabulary.end_id(PROMPT)
    return prefix(opened, ids if end is None else (*ids, end), vocabulary)


def _noise(engine: Engine, forced: Forced, first: Scores) -> float:
    shown, hidden = png(picture()), png(np.zeros_like(picture()))
    black = engine.score(hidden, forced)
    again = [engine.score(shown, forced), *_at_once(engine, shown, forced)]
    noise = max(_apart(_probabilities(first), _probabilities(one)) for one in again)
    change = np.abs(np.subtract(first.log_probability, black.log_probability)).max()
    if change <= _ROUNDING + 2 * noise:
        raise ModelError(
            "the server gives a picture and a black one the same scores: images do not reach its "
            "model; serve a model that reads images, with its vision part"
        )
    return noise


def _at_once(engine: Engine, picture: bytes, forced: Forced) -> list[Scores]:
    if isinstance(engine, BatchEngine):
        return engine.score_all([picture] * 2, forced)
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(engine.score, [picture] * 2, [forced] * 2))


def _probabilities(scores: Scores) -> tuple[float, ...]:
    return tuple(np.exp(scores.log_probability).tolist())


def _apart(left: Sequence[float], right: Sequence[float]) -> float:
    return float(np.abs(np.subtract(left, right)).max()) if len(left) == len(right) else 1.0
