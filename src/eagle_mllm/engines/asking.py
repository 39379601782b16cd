"""Asks an engine, unless the cache knows the answer."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from eagle_mllm.arrays import RGBImage
from eagle_mllm.engines.cache import Cache, key_of, pixels_digest
from eagle_mllm.engines.engine import BatchEngine, Engine, Forced, Scores
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

    def score(
        self, images: Sequence[RGBImage], forced: Forced, *, concurrency: int
    ) -> list[Scores]:
        """Scores of one answer under several images, in their order.

        Args:
            images: all of one size
            forced: the answer
            concurrency: requests at once
        """
        if isinstance(self.engine, BatchEngine):
            return self._batch(self.engine, images, forced)
        tasks = [partial(self._one, image, forced) for image in images]
        return tasks_at_once(tasks, concurrency=concurrency, give_up=self.engine.close)

    def _one(self, image: RGBImage, forced: Forced) -> Scores:
        key = self._key(image, forced)
        kept = self.cache.get(key)
        if kept is not None:
            return _scores(kept)
        scores = self.engine.score(png(image), forced)
        self.cache.put(key, scores._asdict())
        return scores

    def _batch(
        self, engine: BatchEngine, images: Sequence[RGBImage], forced: Forced
    ) -> list[Scores]:
        keys = [self._key(image, forced) for image in images]
        kept = [self.cache.get(key) for key in keys]
        unknown = [index for index, value in enumerate(kept) if value is None]
        fresh = engine.score_all([png(images[index]) for index in unknown], forced)
        for index, scores in zip(unknown, fresh, strict=True):
            kept[index] = scores._asdict()
            self.cache.put(keys[index], kept[index])
        return [_scores(value) for value in kept]

    def _key(self, image: RGBImage, forced: Forced) -> bytes:
        return key_of("score", self.model, asdict(forced), pixels_digest(image))


def tasks_at_once(
    tasks: Sequence[Callable[[], Scores]], *, concurrency: int, give_up: Callable[[], None]
) -> list[Scores]:
    """The results of tasks, some of which run at once.

    Args:
        tasks: what to do
        concurrency: how many at once
        give_up: cuts what is under way, when one fails or somebody presses Ctrl-C
    """
    if concurrency == 1 or len(tasks) < 2:
        return [task() for task in tasks]
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="eagle-requests")
    try:
        return [done.result() for done in [pool.submit(task) for task in tasks]]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        give_up()
        raise
    finally:
        pool.shutdown(wait=False)


def _scores(kept: Any) -> Scores:
    return Scores(tuple(kept["log_probability"]), tuple(kept["predicted"]))
