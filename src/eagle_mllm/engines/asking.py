"""Asks an engine, unless the cache knows the answer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eagle_mllm.arrays import RGBImage
from eagle_mllm.engines.cache import Cache, key_of, pixels_digest
from eagle_mllm.engines.engine import Engine, Forced, Scores
from eagle_mllm.engines.pictures import png
from eagle_mllm.engines.vocabulary import Opened


@dataclass(frozen=True, kw_only=True)
class Asking:
    """An engine with the cache of what it said."""

    engine: Engine
    cache: Cache
    model: tuple[str, ...]
    """What tells this model from every other, in keys."""

    def write(self, image: RGBImage, opened: Opened, *, max_new_tokens: int) -> Sequence[int]:
        """See `Engine.write`."""
        key = key_of("write", self.model, asdict(opened), max_new_tokens, pixels_digest(image))
        kept = self.cache.get(key)
        if kept is None:
            kept = self.engine.write(png(image), opened, max_new_tokens=max_new_tokens)
            self.cache.put(key, list(kept))
        return tuple(kept)

    def score(self, image: RGBImage, forced: Forced) -> Scores:
        """See `Engine.score`."""
        key = key_of("score", self.model, asdict(forced), pixels_digest(image))
        kept = self.cache.get(key)
        if kept is None:
            scores = self.engine.score(png(image), forced)
            self.cache.put(key, scores._asdict())
            return scores
        return _scores(kept)


def _scores(kept: Any) -> Scores:
    return Scores(tuple(kept["log_probability"]), tuple(kept["predicted"]))
